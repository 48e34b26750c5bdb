//! Plan, why and changes: states, counts and exact texts.

use std::{collections::BTreeMap, fs};

use ffrun::engine::{
    Graph, Key, Lease, Plan, Stage, State, Trial, changes,
    diff::{Counts, Why},
    why,
};
use serde_json::json;

use super::fake::{Bench, stage, sweep};

/// Runs every stage of a graph.
fn run_all(bench: &Bench, graph: &Graph) {
    for key in graph.order().unwrap() {
        bench.run(graph.stage(&key).unwrap()).unwrap();
    }
}

fn of_kind(graph: &Graph, kind: &str) -> Vec<Key> {
    let order = graph.order().unwrap().into_iter();
    order.filter(|key| graph.stage(key).unwrap().kind == kind).collect()
}

fn reasons(plan: &Plan, kind: &str) -> Vec<String> {
    let stages = plan.stages.iter().filter(|stage| stage.kind == kind && stage.to_run());
    stages.map(|stage| stage.reason.clone()).collect()
}

fn texts(why: &Why) -> Vec<String> {
    why.differences.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_store_has_everything_to_run_and_stays_empty() {
    let bench = Bench::new();
    let plan = Plan::of(&sweep(&[1024, 2048], 3, 0), &bench.store).unwrap();
    assert_eq!(plan.counts(), Counts { missing: 13, ..Counts::default() });
    assert_eq!((plan.trials, plan.trials_done), (6, 0));
    assert!(plan.stages.iter().all(|stage| stage.reason == "never run"));
    assert_eq!(plan.stages[0].kind, "faces");
    assert_eq!((plan.stages[0].trials, plan.stages[1].trials), (6, 1));
    assert_eq!(plan.eta(2).unknown, 13);
    assert!(!bench.store.root().exists());
}

#[test]
fn a_finished_experiment_has_nothing_to_run() {
    let bench = Bench::new();
    let graph = sweep(&[1024], 2, 0);
    run_all(&bench, &graph);
    let plan = Plan::of(&graph, &bench.store).unwrap();
    assert_eq!(plan.counts(), Counts { done: 5, ..Counts::default() });
    assert_eq!((plan.trials_done, plan.to_run().count(), plan.eta(1).unknown), (2, 0, 0));
    let bytes = |key: &Key| bench.store.entry(key).result().unwrap().unwrap().bytes();
    assert_eq!(plan.disk_used_bytes, graph.stages().map(|(key, _)| bytes(key)).sum::<u64>());
}

#[test]
fn a_new_value_says_which_field_is_new_even_through_inputs() {
    let bench = Bench::new();
    run_all(&bench, &sweep(&[4096], 2, 0));
    let graph = sweep(&[4096, 8192], 2, 0);
    let plan = Plan::of(&graph, &bench.store).unwrap();
    assert_eq!(plan.counts(), Counts { done: 5, missing: 4, ..Counts::default() });

    let (trained, evaluated) = (of_kind(&graph, "train"), of_kind(&graph, "evaluate"));
    // Seed 0 of 8192 is nearest to seed 0 of 4096, and so on.
    let expected = |stored: &[Key]| {
        let text = |key: &Key| format!("elements 4096 → 8192 (nearest {})", key.short());
        stored[..2].iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&plan, "train"), expected(&trained));
    assert_eq!(reasons(&plan, "evaluate"), expected(&evaluated));
    assert!(plan.to_run().all(|stage| stage.estimate_seconds.is_some()));
    assert!(plan.disk_estimate_bytes > 0 && plan.eta(1).unknown == 0);

    let why = why(&graph, &bench.store, &evaluated[3]).unwrap();
    assert_eq!(why.nearest, Some(evaluated[1]));
    assert_eq!(texts(&why), ["inputs.fitted.spec.model.elements: 4096 → 8192"]);
    let short = evaluated[1].short();
    assert_eq!(why.reason, format!("elements 4096 → 8192 (nearest {short})"));
}

#[test]
fn a_training_of_more_steps_is_expected_to_take_longer() {
    let bench = Bench::new();
    let training = |steps: u64| Stage::new("train", 1, json!({ "schedule": { "steps": steps } }));
    bench.run(&training(4)).unwrap();
    let mut graph = Graph::default();
    for steps in [4, 2, 40] {
        let output = graph.add(training(steps));
        graph.push_trial(Trial { settings: BTreeMap::new(), seed: 0, output });
    }
    let plan = Plan::of(&graph, &bench.store).unwrap();
    let seconds: Vec<f64> = plan.stages.iter().filter_map(|stage| stage.estimate_seconds).collect();
    // The one of 4 steps is done; the others are in the order of their trials.
    assert_eq!(seconds.len(), 2);
    assert!((seconds[1] / seconds[0] - 20.0).abs() < 1e-6, "{seconds:?}");
}

#[test]
fn every_kind_of_difference_has_its_text() {
    let bench = Bench::new();
    let spec = json!({ "a": 1, "b": [1, 2], "gone": true, "steps": 0 });
    let mut was = Stage::new("train", 1, spec);
    was.digests.insert("mesh".into(), "0123456789abcdef0123456789abcdef".into());
    was.code.insert("pool".into(), "|c| c.max(1)".into());
    bench.run(&was).unwrap();

    let spec = json!({ "a": 1.5, "b": [1, 3], "fresh": "x", "steps": 0 });
    let mut now = Stage::new("train", 2, spec);
    now.digests.insert("mesh".into(), "fedcba9876543210fedcba9876543210".into());
    now.code.insert("pool".into(), "|c| c.mean(1)".into());
    now.class.dtype = "bf16".into();
    let mut graph = Graph::default();
    let key = graph.add(now);

    let why = why(&graph, &bench.store, &key).unwrap();
    let expected = [
        "version: 1 → 2",
        "spec.a: 1 → 1.5",
        "spec.b[1]: 2 → 3",
        "spec.fresh: nothing → x",
        "spec.gone: true → nothing",
        "digests.mesh: 0123456789abcdef0123456… → fedcba9876543210fedcba9…",
        "code.pool: code changed",
        "class.dtype: f32 → bf16",
    ];
    assert_eq!(texts(&why), expected);
    let short = was.key().short();
    assert_eq!(why.reason, format!("version 1 → 2, a 1 → 1.5 and 6 more (nearest {short})"));
}

#[test]
fn a_change_that_reaches_a_stage_on_two_ways_is_told_once() {
    let bench = Bench::new();
    run_all(&bench, &sweep(&[4096], 1, 0));
    let mut graph = Graph::default();
    let faces = graph.add(stage("faces", json!({ "identities": 9, "steps": 1 })));
    let model = json!({ "elements": 4096, "width": 64 });
    let spec = json!({ "model": model, "seed": 0, "steps": 2, "pause_ms": 0 });
    let fitted = graph.add(stage("train", spec).reading("faces", faces));
    let evaluate = stage("evaluate", json!({ "bins": [0, 30, 60], "steps": 1 }));
    let key = graph.add(evaluate.reading("faces", faces).reading("fitted", fitted));
    let why = why(&graph, &bench.store, &key).unwrap();
    assert_eq!(texts(&why), ["inputs.faces.spec.identities: 8 → 9"]);
}

#[test]
fn partial_running_stopped_and_damaged_stages_say_so() {
    let bench = Bench::new();
    let mut graph = Graph::default();
    let mut add = |salt: u64| {
        let stage = stage("train", json!({ "salt": salt, "steps": 1 }));
        let key = graph.add(stage.clone());
        bench.store.entry(&key).freeze(&stage).unwrap();
        (key, stage)
    };
    let (partial, running, stopped, damaged) = (add(0), add(1), add(2), add(3));
    let work = bench.store.entry(&partial.0).scratch();
    fs::create_dir_all(&work).unwrap();
    fs::write(work.join("checkpoint"), "0 1").unwrap();
    let lease = bench.store.entry(&running.0).lease_path();
    let _lease = Lease::try_acquire(&lease).unwrap().unwrap();
    bench.run(&damaged.1).unwrap();
    fs::remove_file(bench.file(&damaged.0, "out/value")).unwrap();

    let plan = Plan::of(&graph, &bench.store).unwrap();
    let look = |key: Key| {
        let stage = plan.stages.iter().find(|stage| stage.key == key).unwrap();
        (stage.state.clone(), stage.reason.clone())
    };
    let says = |state: State, reason: &str| (state, reason.to_owned());
    let continues = "stopped before it finished; continues from its checkpoint";
    assert_eq!(look(partial.0), says(State::Partial, continues));
    assert_eq!(look(running.0), says(State::Running, "a process is computing it"));
    assert_eq!(look(stopped.0), says(State::Missing, "stopped before its first checkpoint"));
    let reason = "`out/value` is missing";
    let text = format!("damaged: {reason}; see `ffrun fsck`");
    assert_eq!(look(damaged.0), says(State::Damaged(reason.into()), &text));
    let expected = Counts { done: 0, partial: 1, missing: 1, running: 1, damaged: 1 };
    assert_eq!(plan.counts(), expected);
}

#[test]
fn an_edit_keeps_queues_and_drops() {
    let (old, new) = (sweep(&[1024, 2048], 1, 0), sweep(&[2048, 4096], 1, 0));
    let changes = changes(&old, &new);
    let kinds = |graph: &Graph, keys: &[Key]| -> Vec<String> {
        keys.iter().map(|key| graph.stage(key).unwrap().kind.clone()).collect()
    };
    assert_eq!(kinds(&new, &changes.kept), ["faces", "train", "evaluate"]);
    assert_eq!(kinds(&new, &changes.queued), ["train", "evaluate"]);
    assert_eq!(changes.gone.len(), 2);
    assert!(changes.gone.iter().all(|key| new.stage(key).is_none()));
}
