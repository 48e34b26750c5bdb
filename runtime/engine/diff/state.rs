//! The state of one stage in a store, as a reader sees it.

use serde::Serialize;

use crate::engine::{entry::Entry, error::EngineError, files, lease::Lease, record::ResultRecord};

/// How far a stage is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    /// Its result is in the store.
    Done,
    /// It stopped before it finished and left a checkpoint.
    Partial,
    /// Nothing that could be used is there.
    Missing,
    /// A process is computing it.
    Running,
    /// What is there is spoilt, and how.
    Damaged(String),
}

/// Looks at an entry without changing it. The record comes with [`State::Done`].
pub(in crate::engine) fn look(entry: &Entry) -> Result<(State, Option<ResultRecord>), EngineError> {
    match entry.result() {
        Ok(Some(record)) => return Ok((State::Done, Some(record))),
        Ok(None) => {}
        Err(EngineError::Damaged { path, reason, .. }) => {
            let path = path.strip_prefix(entry.dir()).unwrap_or(&path);
            return Ok((State::Damaged(format!("`{}` {reason}", path.display())), None));
        }
        Err(error) => return Err(error),
    }
    if !entry.dir().exists() {
        return Ok((State::Missing, None));
    }
    if Lease::is_held(&entry.lease_path())? {
        return Ok((State::Running, None));
    }
    // It may have finished, or begun to, between the two looks.
    if let Ok(Some(record)) = entry.result() {
        return Ok((State::Done, Some(record)));
    }
    let started = !files::list(&entry.scratch())?.is_empty();
    Ok((if started { State::Partial } else { State::Missing }, None))
}
