//! The seam between the engine and what computes: a stage runner and what it is given.

use std::{collections::BTreeMap, path::PathBuf, sync::atomic::AtomicBool};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{error::EngineError, known_files::KnownFiles, stage::Stage};

/// Whatever can compute stages. The real one knows every kind; tests bring a fake.
pub trait RunStage: Sync {
    /// Computes the stage: reads `work.inputs`, leaves the files of the result in `work.out`.
    /// Called again after an interruption it continues from what it left in `work.scratch`, and
    /// must end in the same bytes as if it had never stopped.
    fn run(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError>;
}

/// What a stage runner is given.
pub struct Work<'a> {
    /// Role → folder with the files of the input's result.
    pub inputs: BTreeMap<String, PathBuf>,
    /// Folder for the files of the result, empty at the start.
    pub out: PathBuf,
    /// Folder for checkpoints, kept until the stage is done.
    pub scratch: PathBuf,
    /// Files outside the store, by content.
    pub known_files: KnownFiles,
    /// To be told how far the work is.
    pub progress: &'a (dyn Fn(Progress) + Sync),
    /// When it turns true, save a checkpoint and return [`StageError::Interrupted`].
    pub stop: &'a AtomicBool,
}

/// How far a stage is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
    /// What is being done, e.g. `loss 1.24`.
    pub note: String,
}

/// Why a stage did not finish.
#[derive(Debug, Error)]
pub enum StageError {
    /// It was asked to stop and kept its checkpoint.
    #[error("interrupted")]
    Interrupted,
    /// This machine lacks something: a device, a weight file.
    #[error("{0}")]
    Environment(String),
    /// It may work later.
    #[error("{0}")]
    TryAgain(String),
    /// It failed and would fail again.
    #[error("{0}")]
    Failed(String),
    /// A file could not be read or written.
    #[error(transparent)]
    Store(#[from] EngineError),
}
