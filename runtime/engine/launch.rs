//! Where a stage is computed: the seam between the executor and processes, threads or clusters.

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::{
    error::EngineError,
    key::Key,
    store::Store,
    work::{Progress, RunStage},
    worker::{Done, run_one},
};

/// A place where one stage runs at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Number of the slot within the execution.
    pub index: usize,
    /// Threads its stages may use.
    pub threads: usize,
}

impl Slot {
    /// The device without its ordinal: `cpu` or `cuda`.
    pub fn class(&self) -> &str {
        self.device.split(':').next().unwrap_or_default()
    }

    /// The ordinal of the device, `None` for the CPU.
    pub fn ordinal(&self) -> Option<usize> {
        self.device.split_once(':').and_then(|(_, ordinal)| ordinal.parse().ok())
    }
}

/// How a launched stage ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Launched {
    /// Its result is in the store.
    Done {
        /// Seconds it took when it was computed.
        seconds: f64,
        /// Whether it was there already.
        cached: bool,
    },
    /// It ended without a result.
    Failed {
        /// Exit code of the reason; 130 if it was asked to stop.
        code: u8,
        /// Why, a whole sentence.
        message: String,
    },
    /// Another process is computing it.
    Busy,
}

/// Runs a frozen stage somewhere and waits for its end.
pub trait Launch: Sync {
    /// Runs the stage on the slot. When `stop` turns true the stage is to save a checkpoint and
    /// end soon.
    ///
    /// # Errors
    /// Only when it could not be launched; a stage that fails is a [`Launched::Failed`].
    fn launch(
        &self,
        key: &Key,
        slot: &Slot,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &AtomicBool,
    ) -> Result<Launched, EngineError>;
}

/// Runs stages on the thread of the slot, in this process.
pub struct InProcess<'a> {
    /// The store.
    pub store: &'a Store,
    /// What computes.
    pub runner: &'a dyn RunStage,
}

impl Launch for InProcess<'_> {
    fn launch(
        &self,
        key: &Key,
        _slot: &Slot,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &AtomicBool,
    ) -> Result<Launched, EngineError> {
        Ok(match run_one(self.store, key, self.runner, progress, stop) {
            Ok(Done::Computed(record)) => Launched::Done { seconds: record.seconds, cached: false },
            Ok(Done::AlreadyDone(record)) => {
                Launched::Done { seconds: record.seconds, cached: true }
            }
            Err(EngineError::Busy { .. }) => Launched::Busy,
            Err(error) => Launched::Failed { code: error.exit_code(), message: error.to_string() },
        })
    }
}
