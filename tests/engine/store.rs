//! Entries, results and everything that can be wrong with them.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ffrun::engine::{Lease, Store, run_one, worker::Done};
use serde_json::json;

use super::fake::{Bench, stage};

#[test]
fn a_stage_is_computed_once() {
    let bench = Bench::new();
    let faces = stage("faces", json!({ "steps": 3 }));
    let Done::Computed(record) = bench.run(&faces).unwrap() else { panic!("not computed") };
    let (value, key) = (bench.value(&faces.key()), faces.key());
    assert_eq!(record.files.keys().collect::<Vec<_>>(), ["more/steps.csv", "value"]);
    assert_eq!((record.kind.as_str(), record.resumed), ("faces", false));
    assert_eq!(record.host_digest.len(), 64);

    assert_eq!(bench.run(&faces).unwrap(), Done::AlreadyDone(record));
    assert_eq!(bench.value(&key), value);
    assert_eq!(bench.fake.steps().len(), 3);
    assert!(!bench.file(&key, "work").exists(), "checkpoints go when the stage is done");
    assert_eq!(bench.store.keys().unwrap(), [key]);
    assert!(bench.store.entry(&key).verify().unwrap().is_some());
}

#[test]
fn a_stopped_stage_continues_to_the_same_bytes() {
    let (bench, straight) = (Bench::new(), Bench::new());
    let train = stage("train", json!({ "steps": 6, "salt": 5 }));
    straight.run(&train).unwrap();

    let stop = AtomicBool::new(false);
    bench.store.entry(&train.key()).freeze(&train).unwrap();
    let at_four = |progress: ffrun::engine::Progress| {
        stop.store(progress.done == 4, Ordering::SeqCst);
    };
    let error = run_one(&bench.store, &train.key(), &bench.fake, &at_four, &stop).unwrap_err();
    assert_eq!(error.exit_code(), 130);
    assert!(bench.store.entry(&train.key()).result().unwrap().is_none());

    let Done::Computed(record) = bench.run(&train).unwrap() else { panic!("not computed") };
    assert!(record.resumed);
    assert_eq!(bench.fake.steps().len(), 6, "no step twice");
    let straight = straight.store.entry(&train.key()).result().unwrap().unwrap();
    assert_eq!(record.files, straight.files);
}

#[test]
fn each_way_to_end_has_its_exit_code_and_leaves_no_result() {
    let bench = Bench::new();
    let ends = [
        ("failed", 1, "failed: the loss is not a number"),
        ("panic", 1, "failed: it panicked: index out of range"),
        ("environment", 6, "cannot run on this machine: no such weights"),
        ("later", 75, "could not run now: the server is busy; try again"),
    ];
    for (end, code, says) in ends {
        let stage = stage("train", json!({ "steps": 1, "ends": end }));
        let error = bench.run(&stage).unwrap_err();
        assert_eq!(error.exit_code(), code, "{end}");
        assert_eq!(error.to_string(), format!("stage `{}` {says}", stage.key().short()));
        assert!(bench.store.entry(&stage.key()).result().unwrap().is_none());
    }
}

#[test]
fn a_full_disk_is_an_error_with_a_remedy_and_loses_nothing() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("skipped: this system has no /dev/full");
        return;
    }
    let bench = Bench::new();
    let done = stage("faces", json!({ "steps": 1 }));
    bench.run(&done).unwrap();
    let full = stage("train", json!({ "steps": 2, "ends": "full" })).reading("faces", done.key());
    let error = bench.run(&full).unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().starts_with("no space left on the disk for `/dev/full`; free some"));
    assert!(bench.store.entry(&done.key()).verify().unwrap().is_some());
    assert!(bench.file(&full.key(), "work/checkpoint").exists());
}

#[test]
fn an_input_without_a_result_is_named() {
    let bench = Bench::new();
    let faces = stage("faces", json!({}));
    let train = stage("train", json!({})).reading("faces", faces.key());
    let error = bench.run(&train).unwrap_err();
    let (train, faces) = (train.key().short(), faces.key().short());
    let expected = format!(
        "stage `{train}` reads `faces` from stage `{faces}`, which has no result yet; run that one first"
    );
    assert_eq!((error.to_string(), error.exit_code()), (expected, 75));
}

#[test]
fn a_spoilt_entry_is_an_error_that_names_file_and_reason() {
    let cases: [(&str, &str, &str); 6] = [
        ("result.json", "{", "result.json` is no result record: EOF while parsing"),
        ("result.json", "", "result.json` is no result record: EOF while parsing"),
        ("out/value", "1", "out/value` has 1 bytes instead of"),
        ("out/more/steps.csv", "", "out/more/steps.csv` has 0 bytes instead of 10"),
        ("stage.json", "{}", "stage.json` is no stage: missing field"),
        ("stage.json", "other", "stage.json` describes another stage"),
    ];
    for (file, content, says) in cases {
        let bench = Bench::new();
        let faces = stage("faces", json!({ "steps": 2 }));
        bench.run(&faces).unwrap();
        let other = serde_json::to_string(&stage("faces", json!({ "steps": 3 }))).unwrap();
        let content = if content == "other" { &other } else { content };
        fs::write(bench.file(&faces.key(), file), content).unwrap();
        let error = bench.store.entry(&faces.key()).verify().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(text.ends_with("`ffrun fsck --repair` moves it aside, then it is computed again"));
        assert_eq!(error.exit_code(), 5);
    }
}

#[test]
fn a_missing_file_a_changed_byte_and_another_format_are_damage() {
    let bench = Bench::new();
    let faces = stage("faces", json!({ "steps": 2 }));
    bench.run(&faces).unwrap();
    let (key, entry) = (faces.key(), bench.store.entry(&faces.key()));

    let steps = bench.file(&key, "out/more/steps.csv");
    fs::write(&steps, "step\nstop\n").unwrap();
    assert!(entry.result().unwrap().is_some(), "the cheap look sees sizes only");
    let error = entry.verify().unwrap_err().to_string();
    assert!(error.contains("out/more/steps.csv` does not have its recorded digest"), "{error}");

    fs::remove_file(&steps).unwrap();
    let error = entry.result().unwrap_err().to_string();
    assert!(error.contains("out/more/steps.csv` is missing"), "{error}");

    let record = bench.file(&key, "result.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    let error = entry.result().unwrap_err().to_string();
    assert!(error.contains("has format 9, this program reads 1"), "{error}");
}

#[test]
fn a_frozen_stage_is_not_overwritten_by_another() {
    let bench = Bench::new();
    let (faces, other) = (stage("faces", json!(1)), stage("faces", json!(2)));
    let entry = bench.store.entry(&faces.key());
    entry.freeze(&faces).unwrap();
    entry.freeze(&faces).unwrap();
    assert_eq!(entry.stage().unwrap(), faces);
    assert_eq!(entry.freeze(&other).unwrap_err().exit_code(), 5);

    fs::write(bench.file(&faces.key(), "stage.json"), serde_json::to_vec(&other).unwrap()).unwrap();
    assert_eq!(entry.freeze(&faces).unwrap_err().exit_code(), 5);
    assert_eq!(bench.run(&faces).unwrap_err().exit_code(), 5);
}

#[test]
fn a_key_that_was_never_frozen_is_unknown() {
    let bench = Bench::new();
    let key = stage("faces", json!({})).key();
    let stop = AtomicBool::new(false);
    let error = run_one(&bench.store, &key, &bench.fake, &|_| {}, &stop).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("`ffrun plan` lists the keys"), "{error}");
    assert!(!bench.store.root().exists(), "a question creates nothing");
}

#[test]
fn a_store_where_a_file_is_in_the_way_is_named() {
    // Works for every user; root is not stopped by permissions.
    let bench = Bench::new();
    let in_the_way = bench.dir.path().join("file");
    fs::write(&in_the_way, b"").unwrap();
    let store = Store::at(&in_the_way);
    let faces = stage("faces", json!({}));
    let error = store.entry(&faces.key()).freeze(&faces).unwrap_err().to_string();
    assert!(error.starts_with("cannot create `") && error.contains("Not a directory"), "{error}");
}

#[test]
fn many_threads_compute_a_stage_once() {
    let bench = Bench::new();
    let train = stage("train", json!({ "steps": 5, "pause_ms": 2 }));
    bench.store.entry(&train.key()).freeze(&train).unwrap();
    let computed = thread::scope(|scope| {
        let run = || loop {
            match bench.run(&train) {
                Ok(done) => return matches!(done, Done::Computed(_)),
                Err(error) => assert_eq!(error.exit_code(), 75, "{error}"),
            }
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(computed.iter().filter(|computed| **computed).count(), 1);
    assert_eq!(bench.fake.steps().len(), 5);
}

#[test]
fn a_leased_stage_is_busy() {
    let bench = Bench::new();
    let train = stage("train", json!({ "steps": 1 }));
    let entry = bench.store.entry(&train.key());
    entry.freeze(&train).unwrap();
    let lease = Lease::try_acquire(&entry.lease_path()).unwrap().unwrap();
    assert_eq!(bench.run(&train).unwrap_err().exit_code(), 75);
    drop(lease);
    bench.run(&train).unwrap();
}
