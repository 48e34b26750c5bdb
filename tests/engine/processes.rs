//! Real processes: workers that are killed, parents that are killed, executions side by side.
//! This test program starts itself again as worker or as execution.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ffrun::engine::{
    Execution, Key, Launch, Launched, Lease, Plan, ProcessLauncher, SharedGraph, Store, execute,
    serve,
};
use serde_json::json;

use super::fake::{Bench, Fake, cpu_slots, stage, sweep};

/// Not a test of its own: what a worker process runs. Without the arguments it does nothing.
#[test]
fn worker_process() {
    let args: Vec<String> = std::env::args().collect();
    if !args.iter().any(|arg| arg == "--worker") {
        return;
    }
    let after = |name: &str| args[args.iter().position(|arg| arg == name).unwrap() + 1].clone();
    let root = PathBuf::from(after("--store"));
    let key: Key = after("stage").parse().unwrap();
    let fake = Fake::new(&root.with_file_name("log"));
    // The test harness may have begun a line of its own.
    println!();
    let done = serve(&Store::at(&root), &key, &fake, &Arc::new(AtomicBool::new(false)));
    std::process::exit(done.map_or_else(|error| i32::from(error.exit_code()), |_| 0));
}

/// Not a test of its own: a whole execution with worker processes.
#[test]
fn execution_process() {
    let args: Vec<String> = std::env::args().collect();
    let Some(at) = args.iter().position(|arg| arg == "--execute") else { return };
    let store = Store::at(Path::new(&args[at + 1]));
    let graph = SharedGraph::new(sweep(&[1, 2], 2, args[at + 2].parse().unwrap()));
    let (launcher, stop) = (launcher(&store), AtomicBool::new(false));
    let (slots, observer) = (cpu_slots(2), &|_| {});
    let cx = Execution {
        graph: &graph,
        store: &store,
        launcher: &launcher,
        slots,
        observer,
        stop: &stop,
    };
    let summary = execute(&cx).unwrap();
    std::process::exit(i32::from(summary.exit_code()));
}

/// Arguments that make the harness run one function of this file and ignore what follows.
fn only(function: &str) -> Vec<String> {
    let (_, module) = module_path!().split_once("::").unwrap();
    ["--exact", &format!("{module}::{function}"), "--nocapture", "--"].map(str::to_owned).to_vec()
}

fn launcher(store: &Store) -> ProcessLauncher {
    ProcessLauncher::new(std::env::current_exe().unwrap(), only("worker_process"), store)
}

fn start_execution(store: &Store, pause_ms: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(only("execution_process")).arg("--execute").arg(store.root());
    command.arg(pause_ms.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().unwrap()
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn launch(bench: &Bench, key: &Key, stop: &AtomicBool) -> Launched {
    launcher(&bench.store).launch(key, &cpu_slots(1)[0], &|_| {}, stop).unwrap()
}

#[test]
fn a_worker_computes_reports_and_ends() {
    let bench = Bench::new();
    let train = stage("train", json!({ "steps": 3 }));
    let (key, stop) = (train.key(), AtomicBool::new(false));
    bench.store.entry(&key).freeze(&train).unwrap();
    let heard = Mutex::new(Vec::new());
    let progress = |progress| heard.lock().unwrap().push(progress);
    let worker = launcher(&bench.store);
    let end = worker.launch(&key, &cpu_slots(1)[0], &progress, &stop).unwrap();
    assert!(matches!(end, Launched::Done { cached: false, .. }), "{end:?}");
    assert_eq!(heard.into_inner().unwrap().last().unwrap().done, 3);
    assert!(matches!(launch(&bench, &key, &stop), Launched::Done { cached: true, .. }));

    let bad = stage("train", json!({ "ends": "environment" }));
    bench.store.entry(&bad.key()).freeze(&bad).unwrap();
    let message =
        format!("stage `{}` cannot run on this machine: no such weights", bad.key().short());
    assert_eq!(launch(&bench, &bad.key(), &stop), Launched::Failed { code: 6, message });

    let lease = bench.store.entry(&bad.key()).lease_path();
    let _lease = Lease::try_acquire(&lease).unwrap().unwrap();
    assert_eq!(launch(&bench, &bad.key(), &stop), Launched::Busy);
}

#[test]
fn a_killed_worker_leaves_no_result_and_the_next_ends_in_the_same_bytes() {
    let (bench, straight) = (Bench::new(), Bench::new());
    let train = stage("train", json!({ "steps": 12, "pause_ms": 10 }));
    let (key, stop) = (train.key(), AtomicBool::new(false));
    straight.run(&train).unwrap();
    bench.store.entry(&key).freeze(&train).unwrap();
    for steps in [2, 5, 9] {
        let end = thread::scope(|scope| {
            let worker = scope.spawn(|| launch(&bench, &key, &stop));
            wait_for("some steps", || bench.fake.steps().len() > steps);
            kill(bench.fake.steps().last().unwrap().split(' ').nth(2).unwrap());
            worker.join().unwrap()
        });
        let Launched::Failed { code: 1, message } = end else { panic!("{end:?}") };
        assert!(message.contains("died (signal: 9 (SIGKILL))"), "{message}");
        assert!(bench.store.entry(&key).result().unwrap().is_none());
    }
    assert!(matches!(launch(&bench, &key, &stop), Launched::Done { cached: false, .. }));
    let files = |bench: &Bench| bench.store.entry(&key).verify().unwrap().unwrap().files;
    assert_eq!(files(&bench), files(&straight));
    // A kill between a step and its checkpoint repeats that step, and only that.
    assert!(bench.fake.steps().len() <= 12 + 3);
}

#[test]
fn a_stop_lets_a_worker_save_and_end() {
    let bench = Bench::new();
    let train = stage("train", json!({ "steps": 1000, "pause_ms": 5 }));
    let (key, stop) = (train.key(), AtomicBool::new(false));
    bench.store.entry(&key).freeze(&train).unwrap();
    let end = thread::scope(|scope| {
        let worker = scope.spawn(|| launch(&bench, &key, &stop));
        wait_for("a step", || !bench.fake.steps().is_empty());
        stop.store(true, Ordering::SeqCst);
        worker.join().unwrap()
    });
    assert!(matches!(end, Launched::Failed { code: 130, .. }), "{end:?}");
    assert!(bench.file(&key, "work/checkpoint").exists());
}

#[test]
fn a_worker_that_does_not_heed_a_stop_is_killed() {
    let bench = Bench::new();
    let train = stage("train", json!({ "steps": 1, "pause_ms": 60_000 }));
    let (key, stop) = (train.key(), AtomicBool::new(false));
    bench.store.entry(&key).freeze(&train).unwrap();
    let mut worker = launcher(&bench.store);
    worker.grace = Duration::from_millis(200);
    let end = thread::scope(|scope| {
        let worker = scope.spawn(|| worker.launch(&key, &cpu_slots(1)[0], &|_| {}, &stop));
        let lease = bench.store.entry(&key).lease_path();
        wait_for("the lease", || Lease::is_held(&lease).unwrap());
        stop.store(true, Ordering::SeqCst);
        worker.join().unwrap().unwrap()
    });
    assert!(matches!(end, Launched::Failed { code: 1, .. }), "{end:?}");
    assert!(!Lease::is_held(&bench.store.entry(&key).lease_path()).unwrap());
}

#[test]
fn workers_die_with_a_killed_parent_and_nothing_stays_locked() {
    const PAUSE_MS: u64 = 300;
    let bench = Bench::new();
    let held = |kind: &str| {
        let keys = bench.store.keys().unwrap();
        let mut entries = keys.iter().map(|key| bench.store.entry(key));
        entries.any(|entry| {
            Lease::is_held(&entry.lease_path()).unwrap() && entry.stage().unwrap().kind == kind
        })
    };
    let mut parent = start_execution(&bench.store, PAUSE_MS);
    wait_for("a training", || held("train"));
    kill(&parent.id().to_string());
    parent.wait().unwrap();
    wait_for("the workers to end", || !held("train"));
    let second_step = |line: &String| line.starts_with("train") && line.ends_with(" 1");
    assert!(!bench.fake.steps().iter().any(second_step), "the workers went on without a parent");

    assert!(start_execution(&bench.store, PAUSE_MS).wait().unwrap().success());
    let plan = Plan::of(&sweep(&[1, 2], 2, PAUSE_MS), &bench.store).unwrap();
    assert_eq!(plan.counts().done, 9);
    assert!(bench.fake.times().values().all(|times| *times == 1));
    let straight = Bench::new();
    assert!(start_execution(&straight.store, PAUSE_MS).wait().unwrap().success());
    for stage in &plan.stages {
        assert_eq!(bench.value(&stage.key), straight.value(&stage.key));
    }
}

#[test]
fn executions_in_three_processes_compute_nothing_twice() {
    let bench = Bench::new();
    let mut runs: Vec<Child> = (0..3).map(|_| start_execution(&bench.store, 3)).collect();
    assert!(runs.iter_mut().all(|run| run.wait().unwrap().success()));
    let times = bench.fake.times();
    assert_eq!(times.len(), 1 + 4 * 2 + 4);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    for key in bench.store.keys().unwrap() {
        assert!(bench.store.entry(&key).verify().unwrap().is_some());
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let bench = Bench::new();
    let worker = ProcessLauncher::new("no/such/program".into(), Vec::new(), &bench.store);
    let key = stage("faces", json!({})).key();
    let end = worker.launch(&key, &cpu_slots(1)[0], &|_| {}, &AtomicBool::new(false));
    let error = end.unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().starts_with("cannot start the worker `no/such/program`"), "{error}");
}
