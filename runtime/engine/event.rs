//! What an observer of a run is told.

use serde::Serialize;

use super::{key::Key, launch::Slot, work::Progress};

/// Something that happened to a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A slot begins to compute it.
    Started {
        /// The stage.
        key: Key,
        /// Its kind.
        kind: String,
        /// Where it runs.
        slot: Slot,
    },
    /// It says how far it is.
    Progress {
        /// The stage.
        key: Key,
        /// How far.
        progress: Progress,
    },
    /// Its result is in the store.
    Finished {
        /// The stage.
        key: Key,
        /// Seconds it took when it was computed.
        seconds: f64,
        /// Whether it was there already or came from another process.
        cached: bool,
    },
    /// It failed.
    Failed {
        /// The stage.
        key: Key,
        /// Why, a whole sentence.
        message: String,
    },
    /// It cannot run because a stage that it needs failed.
    Blocked {
        /// The stage.
        key: Key,
        /// The stage that failed.
        because: Key,
    },
}
