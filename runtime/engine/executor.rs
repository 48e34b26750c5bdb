//! Executing a graph: every stage that is missing, on every slot, in spite of failures.

use std::{
    sync::{
        atomic::AtomicBool,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use super::{
    error::EngineError,
    event::Event,
    key::Key,
    launch::{Launch, Launched, Slot},
    lease::Lease,
    run::Run,
    shared::SharedGraph,
    stage::Stage,
    store::Store,
    summary::Summary,
};

/// What an execution is given.
pub struct Execution<'a> {
    /// The graph; it may be replaced meanwhile.
    pub graph: &'a SharedGraph,
    /// Where results are.
    pub store: &'a Store,
    /// What runs a stage.
    pub launcher: &'a dyn Launch,
    /// Where stages run.
    pub slots: Vec<Slot>,
    /// Is told what happens, from several threads.
    pub observer: &'a (dyn Fn(Event) + Sync),
    /// When it turns true nothing more is started and what runs is stopped.
    pub stop: &'a AtomicBool,
}

/// Computes what is missing until nothing is left or `stop`. A failed stage takes along only
/// what needs it. A stage that another process computes is waited for, not computed twice.
///
/// # Errors
/// If the graph is incomplete or the store cannot be read; failures of stages are in the summary.
pub fn execute(cx: &Execution<'_>) -> Result<Summary, EngineError> {
    thread::scope(|scope| {
        let (report, reports) = channel();
        let mut lanes = Vec::new();
        for place in 0..cx.slots.len() {
            let (lane, jobs) = channel();
            let report = report.clone();
            scope.spawn(move || work_off(cx, place, &jobs, &report));
            lanes.push(lane);
        }
        // On every way out the lanes are dropped, and with them the threads of the slots end.
        Run::begin(cx, lanes)?.follow(&reports)
    })
}

/// A stage for a slot.
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) stage: Stage,
    /// The right to the slot's device, held while the job runs.
    pub(super) device: Option<Lease>,
}

/// How a job ended.
pub(super) struct Report {
    /// Place of the slot in the execution.
    pub(super) slot: usize,
    pub(super) key: Key,
    pub(super) end: Launched,
}

/// The life of a slot: one job after the other.
fn work_off(cx: &Execution<'_>, place: usize, jobs: &Receiver<Job>, report: &Sender<Report>) {
    let slot = &cx.slots[place];
    for Job { key, stage, device } in jobs {
        let kind = stage.kind.clone();
        (cx.observer)(Event::Started { key, kind, slot: slot.clone() });
        let progress = |progress| (cx.observer)(Event::Progress { key, progress });
        let frozen = cx.store.entry(&key).freeze(&stage);
        let end = frozen.and_then(|()| cx.launcher.launch(&key, slot, &progress, cx.stop));
        drop(device);
        let end = end.unwrap_or_else(|error| Launched::Failed {
            code: error.exit_code(),
            message: error.to_string(),
        });
        if report.send(Report { slot: place, key, end }).is_err() {
            return;
        }
    }
}
