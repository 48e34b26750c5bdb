//! What an edit of a script changes: the difference of two graphs.

use serde::Serialize;

use crate::engine::{graph::Graph, key::Key};

/// The stages of two graphs sorted by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In both: untouched, running or not.
    pub kept: Vec<Key>,
    /// Only in the new graph, inputs before readers.
    pub queued: Vec<Key>,
    /// Only in the old graph: they finish if they run, and leave the report.
    pub gone: Vec<Key>,
}

/// Compares the graph before an edit with the one after it.
pub fn changes(old: &Graph, new: &Graph) -> Changes {
    let by_key = || new.stages().map(|(key, _)| *key).collect();
    let order: Vec<Key> = new.order().unwrap_or_else(|_| by_key());
    let (kept, queued) = order.into_iter().partition(|key| old.stage(key).is_some());
    let gone = old.stages().filter(|(key, _)| new.stage(key).is_none());
    Changes { kept, queued, gone: gone.map(|(key, _)| *key).collect() }
}
