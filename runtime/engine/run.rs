//! The course of an execution: survey the store, hand out stages, follow replacements.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use rayon::prelude::*;

use super::{
    diff::{State, look},
    error::EngineError,
    event::Event,
    executor::{Execution, Job, Report},
    files,
    key::Key,
    launch::Launched,
    lease::Lease,
    schedule::{Board, Status},
    summary::{Failure, Summary},
};

/// How often a quiet execution looks at `stop` and at the graph.
const LOOK: Duration = Duration::from_millis(50);
/// How often it looks at stages that other processes compute.
const POLL: Duration = Duration::from_millis(150);

/// One execution in progress. Only its own thread touches it; slots send it reports.
pub(super) struct Run<'a> {
    cx: &'a Execution<'a>,
    board: Board,
    lanes: Vec<Sender<Job>>,
    /// What each slot runs.
    busy: Vec<Option<Key>>,
    polled: Instant,
    summary: Summary,
}

impl<'a> Run<'a> {
    /// Surveys the store before anything starts. `lanes` lead to the slots.
    pub(super) fn begin(
        cx: &'a Execution<'a>,
        lanes: Vec<Sender<Job>>,
    ) -> Result<Self, EngineError> {
        let (generation, graph) = cx.graph.current();
        let board = Board::new(graph)?;
        let summary = Summary { generation, ..Summary::default() };
        let busy = vec![None; lanes.len()];
        let mut run = Self { cx, board, lanes, busy, polled: Instant::now(), summary };
        run.survey(&BTreeMap::new())?;
        Ok(run)
    }

    /// Keeps the slots busy until nothing is left or the execution is stopped.
    pub(super) fn follow(mut self, reports: &Receiver<Report>) -> Result<Summary, EngineError> {
        loop {
            self.reload()?;
            self.poll()?;
            let stopped = self.cx.stop.load(Ordering::SeqCst);
            if !stopped {
                self.assign()?;
            }
            let idle = self.busy.iter().all(Option::is_none);
            if idle && (stopped || self.board.is_over()) {
                self.summary.interrupted = !self.board.is_over();
                return Ok(self.summary);
            }
            match reports.recv_timeout(LOOK) {
                Ok(report) => self.settle(report)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Finds out where every stage of the board stands; `known` are those of the board before.
    fn survey(&mut self, known: &BTreeMap<Key, Status>) -> Result<(), EngineError> {
        let order = self.board.order().to_vec();
        let fresh = order.par_iter().filter(|key| !known.contains_key(key));
        let looks: Result<Vec<_>, EngineError> =
            fresh.map(|key| Ok((*key, look(&self.cx.store.entry(key))?))).collect();
        for (key, status) in known {
            match status {
                Status::Done => self.board.done(key),
                Status::Running => self.board.running(key),
                Status::Elsewhere => self.board.elsewhere(key),
                _ => {}
            }
        }
        for (key, (state, record)) in looks? {
            match state {
                State::Done => self.found(&key, record.map_or(0.0, |record| record.seconds)),
                State::Running => self.board.elsewhere(&key),
                State::Damaged(_) => self.lose_damaged(&key),
                State::Partial | State::Missing => self.lose_without_slot(&key),
            }
        }
        for failure in self.summary.failed.clone() {
            self.block(&failure.key);
        }
        self.board.open();
        Ok(())
    }

    /// Follows a replacement of the graph.
    fn reload(&mut self) -> Result<(), EngineError> {
        if self.cx.graph.generation() == self.summary.generation {
            return Ok(());
        }
        let (generation, graph) = self.cx.graph.current();
        let board = Board::new(graph)?;
        let status = |key: &Key| {
            let status = self.board.status(key)?;
            matches!(status, Status::Done | Status::Elsewhere).then_some(status)
        };
        let mut known: BTreeMap<Key, Status> =
            board.order().iter().filter_map(|key| Some((*key, status(key)?))).collect();
        known.extend(self.busy.iter().flatten().map(|key| (*key, Status::Running)));
        self.board = board;
        self.summary.generation = generation;
        self.summary.blocked.clear();
        let graph = self.board.graph();
        self.summary.failed.retain(|failure| graph.stage(&failure.key).is_some());
        known.extend(self.summary.failed.iter().map(|failure| (failure.key, Status::Lost)));
        self.survey(&known)
    }

    /// Looks after the stages that other processes compute.
    fn poll(&mut self) -> Result<(), EngineError> {
        if self.polled.elapsed() < POLL {
            return Ok(());
        }
        self.polled = Instant::now();
        for key in self.board.elsewhere_now() {
            match look(&self.cx.store.entry(&key))? {
                (State::Done, record) => {
                    self.found(&key, record.map_or(0.0, |record| record.seconds));
                }
                (State::Running, _) => {}
                (State::Damaged(_), _) => self.lose_damaged(&key),
                (State::Partial | State::Missing, _) => self.board.retry(&key),
            }
        }
        Ok(())
    }

    /// Gives every idle slot a stage.
    fn assign(&mut self) -> Result<(), EngineError> {
        let only_cuda = self.cx.slots.iter().all(|slot| slot.class() != "cpu");
        for (place, slot) in self.cx.slots.iter().enumerate() {
            if self.busy[place].is_some() {
                continue;
            }
            let mut device = self.device_lease(place)?;
            let mut classes = Vec::new();
            if slot.class() == "cpu" || device.is_some() {
                classes.push(slot.class());
            }
            if only_cuda {
                classes.push("cpu");
            }
            let Some(key) = self.board.start(&classes) else { continue };
            let Some(stage) = self.board.graph().stage(&key).cloned() else { continue };
            if stage.class.device == "cpu" {
                device = None;
            }
            self.busy[place] = Some(key);
            // A lane ends only with its thread, which ends only after this sender is dropped.
            let _ = self.lanes[place].send(Job { key, stage, device });
        }
        Ok(())
    }

    /// The lease on the device of a slot, if there is work for it; `None` while another
    /// execution uses it. Slots of one device have a lease each.
    fn device_lease(&self, place: usize) -> Result<Option<Lease>, EngineError> {
        let slot = &self.cx.slots[place];
        if slot.class() == "cpu" || !self.board.has_ready(slot.class()) {
            return Ok(None);
        }
        let before = self.cx.slots[..place].iter().filter(|other| other.device == slot.device);
        let name = format!("{}.{}.lease", slot.device.replace(':', "-"), before.count());
        let dir = self.cx.store.root().join("devices");
        files::create_dir(&dir)?;
        Lease::try_acquire(&dir.join(name))
    }

    fn settle(&mut self, report: Report) -> Result<(), EngineError> {
        let Report { slot, key, end } = report;
        self.busy[slot] = None;
        match end {
            Launched::Busy => self.board.elsewhere(&key),
            // Asked to stop and did: neither done nor failed.
            Launched::Failed { code: 130, .. } if self.cx.stop.load(Ordering::SeqCst) => {
                self.board.retry(&key);
            }
            Launched::Failed { code, message } => self.lose(&key, code, message),
            Launched::Done { seconds, cached: true } => self.found(&key, seconds),
            Launched::Done { seconds, cached: false } => {
                // Trust the store, not the word of a worker.
                match look(&self.cx.store.entry(&key))? {
                    (State::Done, _) => {
                        self.summary.computed += 1;
                        self.finished(&key, seconds, false);
                    }
                    (State::Damaged(_), _) => self.lose_damaged(&key),
                    _ => {
                        let message = format!(
                            "the worker of stage `{}` said that it is done but left no result",
                            key.short()
                        );
                        self.lose(&key, 1, message);
                    }
                }
            }
        }
        Ok(())
    }

    fn found(&mut self, key: &Key, seconds: f64) {
        self.summary.cached += 1;
        self.finished(key, seconds, true);
    }

    fn finished(&mut self, key: &Key, seconds: f64, cached: bool) {
        self.board.done(key);
        (self.cx.observer)(Event::Finished { key: *key, seconds, cached });
    }

    fn lose(&mut self, key: &Key, code: u8, message: String) {
        (self.cx.observer)(Event::Failed { key: *key, message: message.clone() });
        self.summary.failed.push(Failure { key: *key, code, message });
        self.block(key);
    }

    fn block(&mut self, because: &Key) {
        for key in self.board.lose(because) {
            self.summary.blocked.push(key);
            (self.cx.observer)(Event::Blocked { key, because: *because });
        }
    }

    fn lose_damaged(&mut self, key: &Key) {
        if let Err(error) = self.cx.store.entry(key).result() {
            self.lose(key, error.exit_code(), error.to_string());
        }
    }

    /// A stage whose device class no slot has would wait for ever.
    fn lose_without_slot(&mut self, key: &Key) {
        let Some(stage) = self.board.graph().stage(key) else { return };
        let class = stage.class.device.clone();
        let slots = &self.cx.slots;
        let has = slots.iter().any(|slot| slot.class() == class);
        if has || (class == "cpu" && !slots.is_empty()) {
            return;
        }
        let message = format!("no slot has a `{class}` device; name one with `--device`");
        let error = EngineError::Environment { key: *key, message };
        self.lose(key, error.exit_code(), error.to_string());
    }
}
