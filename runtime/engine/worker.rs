//! Computing one stage: the only way a result gets into a store.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::atomic::AtomicBool,
    time::Instant,
};

use super::{
    clock,
    entry::Entry,
    error::EngineError,
    files, host,
    key::Key,
    known_files::KnownFiles,
    lease::Lease,
    record::{self, FORMAT, ResultRecord},
    stage::Stage,
    store::Store,
    work::{Progress, RunStage, StageError, Work},
};

/// How a stage came to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// It was computed now.
    Computed(ResultRecord),
    /// It was in the store.
    AlreadyDone(ResultRecord),
}

impl Done {
    /// The record, whichever way.
    pub fn record(&self) -> &ResultRecord {
        match self {
            Self::Computed(record) | Self::AlreadyDone(record) => record,
        }
    }
}

/// Computes a frozen stage unless it is done. Killed at any moment it leaves no result, and the
/// next call continues from the last checkpoint.
///
/// # Errors
/// [`EngineError::Busy`] while another process computes it, [`EngineError::MissingInput`] if an
/// input has no result, [`EngineError::Damaged`] if its entry is spoilt, and what the runner says.
pub fn run_one(
    store: &Store,
    key: &Key,
    runner: &dyn RunStage,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &AtomicBool,
) -> Result<Done, EngineError> {
    let entry = store.entry(key);
    if let Some(record) = entry.result()? {
        return Ok(Done::AlreadyDone(record));
    }
    let stage = entry.stage()?;
    let Some(_lease) = Lease::try_acquire(&entry.lease_path())? else {
        return Err(EngineError::Busy { key: *key });
    };
    // Another process may have finished it between the first look and the lease.
    if let Some(record) = entry.result()? {
        return Ok(Done::AlreadyDone(record));
    }
    let resumed = prepare(&entry)?;
    let inputs = inputs(store, key, &stage)?;
    let started = Instant::now();
    let work = Work {
        inputs,
        out: entry.out(),
        scratch: entry.scratch(),
        known_files: KnownFiles::beside(store),
        progress,
        stop,
    };
    guarded(|| runner.run(&stage, &work)).map_err(|error| stage_error(*key, error))?;
    let seconds = started.elapsed().as_secs_f64();
    let record = finish(&entry, &stage, seconds, resumed)?;
    Ok(Done::Computed(record))
}

/// Clears what a killed attempt left, except for its checkpoints. Returns whether there are any.
fn prepare(entry: &Entry) -> Result<bool, EngineError> {
    files::sweep_temporaries(&entry.result_path())?;
    files::remove_dir(&entry.out())?;
    files::create_dir(&entry.out())?;
    files::create_dir(&entry.scratch())?;
    Ok(!files::list(&entry.scratch())?.is_empty())
}

fn inputs(
    store: &Store,
    key: &Key,
    stage: &Stage,
) -> Result<BTreeMap<String, PathBuf>, EngineError> {
    let mut folders = BTreeMap::new();
    for (role, input) in &stage.inputs {
        let entry = store.entry(input);
        if entry.result()?.is_none() {
            let (key, role, input) = (*key, role.clone(), *input);
            return Err(EngineError::MissingInput { key, role, input });
        }
        folders.insert(role.clone(), entry.out());
    }
    Ok(folders)
}

/// A panic in a runner fails its stage and nothing else. Nothing of the runner is used after it.
fn guarded(run: impl FnOnce() -> Result<(), StageError>) -> Result<(), StageError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(StageError::Failed(format!("it panicked: {}", text.unwrap_or("no message"))))
    })
}

/// Digests and syncs the files, then writes the record, then lets the checkpoints go.
fn finish(
    entry: &Entry,
    stage: &Stage,
    seconds: f64,
    resumed: bool,
) -> Result<ResultRecord, EngineError> {
    let record = ResultRecord {
        format: FORMAT,
        key: *entry.key(),
        kind: stage.kind.clone(),
        version: stage.version,
        files: record::seal(&entry.out())?,
        seconds,
        resumed,
        peak_mib: host::peak_mib(),
        host_digest: host::digest().to_owned(),
        finished_unix: clock::unix_seconds(),
    };
    entry.finish(&record)?;
    files::remove_dir(&entry.scratch())?;
    Ok(record)
}

fn stage_error(key: Key, error: StageError) -> EngineError {
    match error {
        StageError::Interrupted => EngineError::Interrupted { key },
        StageError::Environment(message) => EngineError::Environment { key, message },
        StageError::TryAgain(message) => EngineError::TryAgain { key, message },
        StageError::Failed(message) => EngineError::Failed { key, message },
        StageError::Store(error) => error,
    }
}
