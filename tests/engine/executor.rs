//! Executions: order, failures, stops, hot reload and other executions on the same store.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use ffrun::engine::{
    Event, Execution, Graph, Key, Launch, Lease, SharedGraph, Slot, Summary, execute,
};
use serde_json::json;

use super::fake::{Bench, StopAfter, cpu_slots, stage, sweep};

/// Executes with a launcher and returns what happened.
fn watch(
    bench: &Bench,
    graph: &SharedGraph,
    launcher: &dyn Launch,
    (slots, stop): (Vec<Slot>, &AtomicBool),
) -> (Summary, Vec<Event>) {
    let events = Mutex::new(Vec::new());
    let observer = |event: Event| events.lock().unwrap().push(event);
    let store = &bench.store;
    let cx = Execution { graph, store, launcher, slots, observer: &observer, stop };
    let summary = execute(&cx).unwrap();
    (summary, events.into_inner().unwrap())
}

fn go(bench: &Bench, graph: Graph, slots: usize) -> (Summary, Vec<Event>) {
    let stop = AtomicBool::new(false);
    let slots = cpu_slots(slots);
    watch(bench, &SharedGraph::new(graph), &bench.launcher(), (slots, &stop))
}

fn finished(events: &[Event]) -> Vec<Key> {
    let key = |event: &Event| match event {
        Event::Finished { key, .. } => Some(*key),
        _ => None,
    };
    events.iter().filter_map(key).collect()
}

#[test]
fn everything_is_computed_once_and_the_first_trials_first() {
    let bench = Bench::new();
    let graph = sweep(&[1024, 2048], 2, 0);
    let (summary, events) = go(&bench, graph.clone(), 1);
    assert_eq!((summary.computed, summary.cached, summary.exit_code()), (9, 0, 0));
    assert_eq!(finished(&events), graph.order().unwrap());
    assert!(bench.fake.times().values().all(|times| *times == 1));

    let (summary, events) = go(&bench, graph, 3);
    assert_eq!((summary.computed, summary.cached), (0, 9));
    let cached = |event: &Event| matches!(event, Event::Finished { cached: true, .. });
    assert!(events.iter().all(cached) && events.len() == 9);
}

#[test]
fn a_stopped_sweep_goes_on_where_it_stopped() {
    let bench = Bench::new();
    let graph = SharedGraph::new(sweep(&[1024, 2048], 2, 0));
    let stop = AtomicBool::new(false);
    let launcher = StopAfter { inner: bench.launcher(), left: AtomicUsize::new(4) };
    let (summary, _) = watch(&bench, &graph, &launcher, (cpu_slots(1), &stop));
    assert_eq!((summary.computed, summary.interrupted, summary.exit_code()), (4, true, 130));

    stop.store(false, Ordering::SeqCst);
    let (summary, _) = watch(&bench, &graph, &bench.launcher(), (cpu_slots(2), &stop));
    assert_eq!((summary.computed, summary.cached, summary.exit_code()), (5, 4, 0));
    assert!(bench.fake.times().values().all(|times| *times == 1));
}

#[test]
fn a_failure_blocks_only_what_needs_it() {
    let bench = Bench::new();
    let mut graph = sweep(&[1024], 1, 0);
    let bad = graph.add(stage("train", json!({ "steps": 1, "ends": "failed" })));
    let reader = graph.add(stage("evaluate", json!({})).reading("fitted", bad));
    let last = graph.add(stage("table", json!({})).reading("rows", reader));
    let (summary, events) = go(&bench, graph.clone(), 2);
    assert_eq!((summary.computed, summary.exit_code()), (3, 1));
    assert_eq!(summary.blocked.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&reader, &last]));
    let message = format!("stage `{}` failed: the loss is not a number", bad.short());
    assert!(events.contains(&Event::Failed { key: bad, message }));
    assert!(events.contains(&Event::Blocked { key: last, because: bad }));

    let (again, _) = go(&bench, graph, 2);
    assert_eq!((again.computed, again.cached, again.failed.len()), (0, 3, 1));
}

#[test]
fn a_damaged_stage_fails_with_its_exit_code_and_is_not_overwritten() {
    let bench = Bench::new();
    let graph = sweep(&[1024], 1, 0);
    let order = graph.order().unwrap();
    go(&bench, graph.clone(), 1);
    fs::write(bench.file(&order[1], "result.json"), "{").unwrap();
    fs::remove_dir_all(bench.store.entry(&order[2]).dir()).unwrap();
    let (summary, _) = go(&bench, graph, 1);
    assert_eq!((summary.exit_code(), summary.cached, summary.blocked.len()), (5, 1, 1));
    assert_eq!(fs::read_to_string(bench.file(&order[1], "result.json")).unwrap(), "{");
}

#[test]
fn a_new_graph_takes_over_while_stages_run() {
    let bench = Bench::new();
    let (old, new) = (sweep(&[1, 2, 3], 1, 30), sweep(&[1, 4], 1, 30));
    let (old_order, new_order) = (old.order().unwrap(), new.order().unwrap());
    let graph = SharedGraph::new(old);
    let events = Mutex::new(Vec::new());
    let observer = |event: Event| {
        // Swapped while the training of trial 2 runs, which is gone in the new graph.
        if matches!(&event, Event::Started { key, .. } if *key == old_order[3]) {
            graph.replace(new.clone());
        }
        events.lock().unwrap().push(event);
    };
    let (store, stop) = (&bench.store, AtomicBool::new(false));
    let launcher = bench.launcher();
    let slots = cpu_slots(1);
    let cx = Execution {
        graph: &graph,
        store,
        launcher: &launcher,
        slots,
        observer: &observer,
        stop: &stop,
    };
    let summary = execute(&cx).unwrap();
    assert_eq!((summary.generation, summary.exit_code()), (1, 0));
    let finished: BTreeSet<Key> = finished(&events.lock().unwrap()).into_iter().collect();
    let mut expected: BTreeSet<Key> = new_order.into_iter().collect();
    expected.insert(old_order[3]);
    assert_eq!(
        finished, expected,
        "the running one finished, the others that are gone never began"
    );
    assert!(bench.fake.times().values().all(|times| *times == 1));
    assert_eq!(graph.generation(), 1);
}

#[test]
fn a_reload_runs_nothing_that_is_done_and_keeps_failures() {
    let bench = Bench::new();
    let mut old = sweep(&[1], 1, 20);
    let bad = old.add(stage("train", json!({ "steps": 0, "ends": "failed" })));
    let mut new = sweep(&[1, 2], 1, 20);
    new.add(stage("train", json!({ "steps": 0, "ends": "failed" })));
    new.add(stage("evaluate", json!({})).reading("fitted", bad));
    let graph = SharedGraph::new(old);
    let failures = AtomicUsize::new(0);
    let observer = |event: Event| match event {
        Event::Failed { .. } => {
            failures.fetch_add(1, Ordering::SeqCst);
            graph.replace(new.clone());
        }
        Event::Blocked { because, .. } => assert_eq!(because, bad),
        _ => {}
    };
    let (store, stop, launcher) = (&bench.store, AtomicBool::new(false), bench.launcher());
    let (slots, observer) = (cpu_slots(1), &observer);
    let cx = Execution { graph: &graph, store, launcher: &launcher, slots, observer, stop: &stop };
    let summary = execute(&cx).unwrap();
    assert_eq!(failures.load(Ordering::SeqCst), 1, "an unchanged failure is not tried again");
    assert_eq!((summary.failed.len(), summary.blocked.len(), summary.computed), (1, 1, 5));
}

#[test]
fn a_stage_leased_elsewhere_is_waited_for() {
    let bench = Bench::new();
    let graph = sweep(&[1], 1, 0);
    let order = graph.order().unwrap();
    let faces = graph.stage(&order[0]).unwrap();
    let entry = bench.store.entry(&order[0]);
    entry.freeze(faces).unwrap();
    let lease = Lease::try_acquire(&entry.lease_path()).unwrap().unwrap();
    thread::scope(|scope| {
        let run = scope.spawn(|| go(&bench, graph.clone(), 2));
        thread::sleep(Duration::from_millis(300));
        assert!(bench.fake.steps().is_empty() && !run.is_finished());
        // The other process dies: its lease goes, and the stage is computed here.
        drop(lease);
        let (summary, _) = run.join().unwrap();
        assert_eq!((summary.computed, summary.exit_code()), (3, 0));
    });
}

#[test]
fn two_executions_share_one_store() {
    let bench = Bench::new();
    let graph = sweep(&[1, 2, 3], 2, 2);
    let summaries = thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| go(&bench, graph.clone(), 2).0)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(summaries.iter().map(|summary| summary.computed).sum::<usize>(), 13);
    assert!(summaries.iter().all(|summary| summary.computed + summary.cached == 13));
    assert!(bench.fake.times().values().all(|times| *times == 1));
}

#[test]
fn a_device_runs_one_stage_at_a_time_even_for_two_executions() {
    let bench = Bench::new();
    let mut graph = Graph::default();
    // Without a slot for the CPU a CPU stage runs beside the device.
    graph.add(stage("faces", json!({ "steps": 1 })));
    for salt in 0..6 {
        let mut train = stage("train", json!({ "salt": salt, "steps": 1, "pause_ms": 5 }));
        train.class.device = "cuda".into();
        graph.add(train);
    }
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let launcher = Counting { inner: bench.launcher(), now: &now, most: &most };
    let slots = || vec![Slot { device: "cuda:1".into(), index: 0, threads: 1 }];
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let run = || watch(&bench, &SharedGraph::new(graph.clone()), &launcher, (slots(), &stop)).0;
        let runs = [scope.spawn(run), scope.spawn(run)];
        let computed = runs.map(|run| run.join().unwrap().computed);
        assert_eq!(computed.iter().sum::<usize>(), 7);
    });
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert!(bench.store.root().join("devices/cuda-1.0.lease").exists());

    let bench = Bench::new();
    let (summary, _) = go(&bench, graph, 1);
    assert_eq!((summary.exit_code(), summary.failed.len()), (6, 6));
    assert!(
        summary.failed[0]
            .message
            .ends_with("no slot has a `cuda` device; name one with `--device`")
    );
}

struct Counting<'a> {
    inner: ffrun::engine::InProcess<'a>,
    now: &'a AtomicUsize,
    most: &'a AtomicUsize,
}

impl Launch for Counting<'_> {
    fn launch(
        &self,
        key: &Key,
        slot: &Slot,
        progress: &(dyn Fn(ffrun::engine::Progress) + Sync),
        stop: &AtomicBool,
    ) -> Result<ffrun::engine::Launched, ffrun::engine::EngineError> {
        let device = usize::from(self.inner.store.entry(key).stage()?.class.device == "cuda");
        let now = self.now.fetch_add(device, Ordering::SeqCst) + device;
        self.most.fetch_max(now, Ordering::SeqCst);
        let end = self.inner.launch(key, slot, progress, stop);
        self.now.fetch_sub(device, Ordering::SeqCst);
        end
    }
}
