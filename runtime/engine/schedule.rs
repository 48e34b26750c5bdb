//! The board of an execution: which stage may start next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{error::EngineError, graph::Graph, key::Key};

/// Where a stage stands in this execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// An input is not done.
    Waiting,
    /// May start.
    Ready,
    /// Runs on a slot of ours.
    Running,
    /// Another process computes it.
    Elsewhere,
    /// Its result is in the store.
    Done,
    /// It failed, or something it needs did.
    Lost,
}

/// Stages by their place in the order of the graph.
pub(super) struct Board {
    graph: Arc<Graph>,
    order: Vec<Key>,
    place: BTreeMap<Key, usize>,
    readers: Vec<Vec<usize>>,
    /// Inputs that are not done.
    missing: Vec<usize>,
    status: Vec<Status>,
    /// Ready stages by the device class they need.
    ready: BTreeMap<String, BTreeSet<usize>>,
    /// Stages that are neither done nor lost.
    open: usize,
}

impl Board {
    /// Nothing done and nothing ready yet: tell it with [`Board::done`] and [`Board::lose`],
    /// then call [`Board::open`].
    pub(super) fn new(graph: Arc<Graph>) -> Result<Self, EngineError> {
        let order = graph.order()?;
        let place: BTreeMap<Key, usize> =
            order.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        let mut readers = vec![Vec::new(); order.len()];
        let mut missing = vec![0; order.len()];
        for (reader, key) in order.iter().enumerate() {
            for input in graph.stage(key).into_iter().flat_map(|stage| stage.inputs.values()) {
                if let Some(input) = place.get(input) {
                    readers[*input].push(reader);
                    missing[reader] += 1;
                }
            }
        }
        let status = vec![Status::Waiting; order.len()];
        let open = order.len();
        Ok(Self { graph, order, place, readers, missing, status, ready: BTreeMap::new(), open })
    }

    pub(super) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    pub(super) fn order(&self) -> &[Key] {
        &self.order
    }

    pub(super) fn status(&self, key: &Key) -> Option<Status> {
        self.place.get(key).map(|place| self.status[*place])
    }

    /// Whether every stage is done or lost.
    pub(super) fn is_over(&self) -> bool {
        self.open == 0
    }

    /// Lets every stage start that waits for nothing.
    pub(super) fn open(&mut self) {
        for place in 0..self.order.len() {
            self.wake(place);
        }
    }

    /// Whether a stage that needs this device class may start.
    pub(super) fn has_ready(&self, class: &str) -> bool {
        self.ready.get(class).is_some_and(|set| !set.is_empty())
    }

    /// The stages that other processes compute.
    pub(super) fn elsewhere_now(&self) -> Vec<Key> {
        let stages = self.order.iter().zip(&self.status);
        let elsewhere = stages.filter(|(_, status)| **status == Status::Elsewhere);
        elsewhere.map(|(key, _)| *key).collect()
    }

    /// The first stage that may start on one of these device classes; it is running from now on.
    pub(super) fn start(&mut self, classes: &[&str]) -> Option<Key> {
        let first = |class: &&str| self.ready.get(*class).and_then(|set| set.first()).copied();
        let place = classes.iter().filter_map(first).min()?;
        for set in self.ready.values_mut() {
            set.remove(&place);
        }
        self.status[place] = Status::Running;
        Some(self.order[place])
    }

    /// The stage runs on a slot of ours since before this board.
    pub(super) fn running(&mut self, key: &Key) {
        self.set(key, Status::Running);
    }

    /// Another process computes the stage.
    pub(super) fn elsewhere(&mut self, key: &Key) {
        self.set(key, Status::Elsewhere);
    }

    /// The other process gave up: the stage may start again.
    pub(super) fn retry(&mut self, key: &Key) {
        if let Some(place) = self.set(key, Status::Waiting) {
            self.wake(place);
        }
    }

    /// The result is in the store: its readers may start.
    pub(super) fn done(&mut self, key: &Key) {
        let Some(place) = self.close(key, Status::Done) else { return };
        for reader in self.readers[place].clone() {
            self.missing[reader] -= 1;
            // Before `open` all wait; a reader of two inputs is woken by the last.
            if self.status[reader] == Status::Waiting && self.missing[reader] == 0 {
                self.wake(reader);
            }
        }
    }

    /// The stage failed: returns all unfinished stages that needed it, which are lost as well.
    pub(super) fn lose(&mut self, key: &Key) -> Vec<Key> {
        let mut lost = Vec::new();
        let Some(place) = self.close(key, Status::Lost) else { return lost };
        let mut pending = vec![place];
        while let Some(place) = pending.pop() {
            for reader in self.readers[place].clone() {
                let reader_key = self.order[reader];
                if self.close(&reader_key, Status::Lost).is_some() {
                    lost.push(reader_key);
                    pending.push(reader);
                }
            }
        }
        lost
    }

    fn wake(&mut self, place: usize) {
        if self.status[place] != Status::Waiting || self.missing[place] > 0 {
            return;
        }
        let Some(stage) = self.graph.stage(&self.order[place]) else { return };
        self.status[place] = Status::Ready;
        self.ready.entry(stage.class.device.clone()).or_default().insert(place);
    }

    /// Sets the status of a stage that is not closed.
    fn set(&mut self, key: &Key, status: Status) -> Option<usize> {
        let place = *self.place.get(key)?;
        if matches!(self.status[place], Status::Done | Status::Lost) {
            return None;
        }
        for set in self.ready.values_mut() {
            set.remove(&place);
        }
        self.status[place] = status;
        Some(place)
    }

    fn close(&mut self, key: &Key, status: Status) -> Option<usize> {
        let place = self.set(key, status)?;
        self.open -= 1;
        Some(place)
    }
}
