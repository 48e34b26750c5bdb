//! fsck and gc: what they find, what they free, and what they leave alone.

use std::fs;

use ffrun::engine::{Graph, Lease, Plan, fsck, gc};
use serde_json::json;

use super::fake::{Bench, stage, sweep};

fn run_all(bench: &Bench, graph: &Graph) {
    for key in graph.order().unwrap() {
        bench.run(graph.stage(&key).unwrap()).unwrap();
    }
}

#[test]
fn fsck_finds_damage_and_repair_moves_it_aside() {
    let bench = Bench::new();
    let graph = sweep(&[1, 2], 1, 0);
    run_all(&bench, &graph);
    assert!(fsck(&bench.store, false).unwrap().damaged.is_empty());

    let order = graph.order().unwrap();
    fs::write(bench.file(&order[1], "out/more/steps.csv"), "step\nstop\n").unwrap();
    fs::write(bench.file(&order[2], "result.json"), "{").unwrap();
    let report = fsck(&bench.store, false).unwrap();
    assert_eq!((report.checked, report.damaged.len(), report.moved.len()), (5, 2, 0));
    let reason = "`out/more/steps.csv` does not have its recorded digest".to_owned();
    assert!(report.damaged.contains(&(order[1], reason)));

    let report = fsck(&bench.store, true).unwrap();
    assert_eq!((report.damaged.len(), report.moved.len()), (2, 2));
    assert!(report.moved.iter().all(|path| path.join("stage.json").exists()));
    assert_eq!(fsck(&bench.store, false).unwrap().checked, 3);
    assert_eq!(Plan::of(&graph, &bench.store).unwrap().to_run().count(), 2);

    // Damaged a second time: the first copy stays.
    run_all(&bench, &graph);
    fs::write(bench.file(&order[2], "result.json"), "").unwrap();
    let moved = fsck(&bench.store, true).unwrap().moved;
    assert!(moved[0].to_string_lossy().ends_with(".2"));
    assert_eq!(fs::read_dir(bench.store.root().join("damaged")).unwrap().count(), 3);
}

#[test]
fn fsck_leaves_alone_what_runs() {
    let bench = Bench::new();
    let faces = stage("faces", json!({ "steps": 1 }));
    bench.run(&faces).unwrap();
    let entry = bench.store.entry(&faces.key());
    fs::write(bench.file(&faces.key(), "result.json"), "{").unwrap();
    let _lease = Lease::try_acquire(&entry.lease_path()).unwrap().unwrap();
    let report = fsck(&bench.store, true).unwrap();
    assert_eq!(report.skipped, [faces.key()]);
    assert!(report.damaged.is_empty() && entry.dir().exists());
}

#[test]
fn gc_keeps_what_a_recent_plan_needs() {
    let bench = Bench::new();
    let (old, new) = (sweep(&[1, 2], 1, 0), sweep(&[2, 3], 1, 0));
    run_all(&bench, &old);
    run_all(&bench, &new);
    // Only outputs are named: their inputs are kept because they are read.
    let outputs: Vec<_> = new.trials().iter().map(|trial| trial.output).collect();
    bench.store.remember_plan("new", &outputs).unwrap();

    let counted = gc(&bench.store, 30, true).unwrap();
    assert_eq!(bench.store.keys().unwrap().len(), 7, "a dry run frees nothing");
    let freed = gc(&bench.store, 30, false).unwrap();
    assert_eq!(freed, counted);
    assert_eq!(freed.entries, 2);
    assert!(freed.bytes > 0);
    assert!(freed.keys.iter().all(|key| old.stage(key).is_some() && new.stage(key).is_none()));
    assert_eq!(Plan::of(&new, &bench.store).unwrap().to_run().count(), 0);
    assert!(!bench.store.root().join("trash").exists());
}

#[test]
fn gc_never_frees_what_runs() {
    let bench = Bench::new();
    let (done, running) = (stage("faces", json!({ "steps": 1 })), stage("faces", json!({})));
    bench.run(&done).unwrap();
    bench.run(&running).unwrap();
    let lease = bench.store.entry(&running.key()).lease_path();
    let _lease = Lease::try_acquire(&lease).unwrap().unwrap();
    for dry_run in [true, false] {
        assert_eq!(gc(&bench.store, 0, dry_run).unwrap().keys, [done.key()]);
    }
    assert_eq!(bench.store.keys().unwrap(), [running.key()]);
}

#[test]
fn gc_frees_checkpoints_of_finished_stages_only() {
    let bench = Bench::new();
    let (done, partial) = (stage("faces", json!({ "steps": 1 })), stage("faces", json!({})));
    bench.run(&done).unwrap();
    bench.store.entry(&partial.key()).freeze(&partial).unwrap();
    bench.store.remember_plan("both", &[done.key(), partial.key()]).unwrap();
    for stage in [&done, &partial] {
        fs::create_dir_all(bench.file(&stage.key(), "work")).unwrap();
        fs::write(bench.file(&stage.key(), "work/checkpoint"), "1 2").unwrap();
    }
    assert_eq!(gc(&bench.store, 30, true).unwrap().bytes, 3);
    let freed = gc(&bench.store, 30, false).unwrap();
    assert_eq!((freed.entries, freed.bytes), (0, 3));
    assert!(!bench.file(&done.key(), "work").exists());
    assert!(bench.file(&partial.key(), "work/checkpoint").exists());
    assert!(bench.store.entry(&done.key()).verify().unwrap().is_some());
}

#[test]
fn gc_of_no_store_creates_none() {
    let bench = Bench::new();
    assert_eq!(gc(&bench.store, 30, false).unwrap().entries, 0);
    assert!(!bench.store.root().exists());
}
