//! Large experiments: plans and cached trials cost little, and no more than in proportion.

use std::{
    fs,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use ffrun::engine::{Execution, Graph, Plan, SharedGraph, execute};

use super::fake::{Bench, cpu_slots, sweep};

/// The shortest of three times, because other work on the machine only ever adds.
fn best_of_three<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut timed = || {
        let start = Instant::now();
        let value = work();
        (start.elapsed(), value)
    };
    let times = [timed(), timed(), timed()];
    times.into_iter().min_by_key(|(time, _)| *time).unwrap()
}

fn large(trials: u64) -> Graph {
    sweep(&(0..trials / 10).collect::<Vec<_>>(), 10, 0)
}

/// Results as a run would leave them, without running: one small file each.
fn fill(bench: &Bench, graph: &Graph) {
    let key = graph.order().unwrap()[0];
    bench.run(graph.stage(&key).unwrap()).unwrap();
    let mut record = bench.store.entry(&key).result().unwrap().unwrap();
    record.files.remove("more/steps.csv");
    let value = bench.value(&key);
    for (key, stage) in graph.stages() {
        let entry = bench.store.entry(key);
        (record.key, record.kind) = (*key, stage.kind.clone());
        fs::create_dir_all(entry.out()).unwrap();
        fs::write(entry.out().join("value"), &value).unwrap();
        fs::write(entry.dir().join("stage.json"), serde_json::to_vec(stage).unwrap()).unwrap();
        let record = serde_json::to_vec_pretty(&record).unwrap();
        fs::write(entry.dir().join("result.json"), record).unwrap();
    }
}

/// Far above what it takes on two idle cores (see the figures printed), far below what quadratic
/// work would take.
const LIMIT: Duration = Duration::from_secs(2);

#[test]
fn a_plan_of_ten_thousand_trials_is_quick() {
    let bench = Bench::new();
    let (time, graph) = best_of_three(|| large(10_000));
    println!("building the graph of {} stages: {time:?}", graph.stages().count());
    let (time, plan) = best_of_three(|| Plan::of(&graph, &bench.store).unwrap());
    println!("plan, nothing in the store: {time:?}");
    assert!(time < LIMIT && plan.counts().missing == 20_001, "{time:?}");
    let (time, _) = best_of_three(|| plan.eta(2));
    println!("eta: {time:?}");
    assert!(time < LIMIT, "{time:?}");
}

#[test]
fn cached_trials_cost_little() {
    let (bench, graph) = (Bench::new(), large(500));
    fill(&bench, &graph);
    let (time, plan) = best_of_three(|| Plan::of(&graph, &bench.store).unwrap());
    println!("plan, all in the store: {time:?}");
    assert!(time < LIMIT && plan.counts().done == 1001, "{time:?}");

    let keys = bench.store.keys().unwrap();
    let (time, ()) = best_of_three(|| bench.store.remember_plan("large", &keys).unwrap());
    println!("remembering the plan: {time:?}");
    assert!(time < LIMIT, "{time:?}");

    let (slots, stop) = (cpu_slots(2), AtomicBool::new(false));
    let (shared, launcher) = (SharedGraph::new(graph), bench.launcher());
    let (store, observer) = (&bench.store, &|_| {});
    let cx = Execution { graph: &shared, store, launcher: &launcher, slots, observer, stop: &stop };
    let (time, summary) = best_of_three(|| execute(&cx).unwrap());
    println!("executing 500 cached trials: {time:?}");
    assert!(time < LIMIT && summary.cached == 1001, "{time:?}");
}

#[test]
fn new_trials_are_explained_against_as_many_old_ones() {
    let bench = Bench::new();
    fill(&bench, &sweep(&[1024], 500, 0));
    let next = sweep(&[2048], 500, 0);
    let (time, plan) = best_of_three(|| Plan::of(&next, &bench.store).unwrap());
    println!("plan, every reason found: {time:?}");
    assert!(time < LIMIT && plan.counts().missing == 1000, "{time:?}");
    // Each has one old trial that differs in this field alone; all others differ in the seed too.
    let one_field = |reason: &str| reason.starts_with("elements ") && !reason.contains(',');
    assert!(plan.to_run().all(|stage| one_field(&stage.reason)));
}
