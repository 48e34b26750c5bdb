//! Finding damaged entries, and moving them aside so that they are computed again.

use std::{fs, path::PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::{entry::Entry, error::EngineError, files, key::Key, lease::Lease, store::Store};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Entries looked at.
    pub checked: usize,
    /// Damaged entries and what is wrong with each.
    pub damaged: Vec<(Key, String)>,
    /// Entries that a process is computing, left alone.
    pub skipped: Vec<Key>,
    /// Where damaged entries were moved to.
    pub moved: Vec<PathBuf>,
}

/// Reads everything in the store and compares digests. With `repair`, damaged entries are moved
/// to `<root>/damaged/`, never deleted. Safe while experiments run.
pub fn fsck(store: &Store, repair: bool) -> Result<Report, EngineError> {
    let keys = store.keys()?;
    let checks: Result<Vec<Check>, EngineError> =
        keys.par_iter().map(|key| check(&store.entry(key))).collect();
    let mut report = Report { checked: keys.len(), ..Report::default() };
    for (key, check) in keys.into_iter().zip(checks?) {
        match check {
            Check::Sound => {}
            Check::Held => report.skipped.push(key),
            Check::Damaged(reason) => {
                report.damaged.push((key, reason));
                if repair {
                    report.moved.extend(move_aside(store, &key)?);
                }
            }
        }
    }
    Ok(report)
}

enum Check {
    Sound,
    Held,
    Damaged(String),
}

fn check(entry: &Entry) -> Result<Check, EngineError> {
    if Lease::is_held(&entry.lease_path())? {
        return Ok(Check::Held);
    }
    match entry.verify() {
        Ok(_) => Ok(Check::Sound),
        // Killed between making the folder and writing the description: nothing is lost.
        Err(EngineError::UnknownStage { .. }) if !entry.result_path().exists() => Ok(Check::Sound),
        Err(EngineError::UnknownStage { .. }) => {
            Ok(Check::Damaged("`stage.json` is missing".into()))
        }
        Err(EngineError::Damaged { path, reason, .. }) => {
            let path = path.strip_prefix(entry.dir()).unwrap_or(&path);
            Ok(Check::Damaged(format!("`{}` {reason}", path.display())))
        }
        // A bad sector, a folder where a file must be.
        Err(error @ EngineError::Io { .. }) => Ok(Check::Damaged(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Moves an entry to `<root>/damaged/` if it is still damaged once nobody else can be at it.
fn move_aside(store: &Store, key: &Key) -> Result<Option<PathBuf>, EngineError> {
    let entry = store.entry(key);
    let Some(_lease) = Lease::try_acquire(&entry.lease_path())? else { return Ok(None) };
    // Our own lease would show as held; the digests are what counts.
    if entry.verify().is_ok() {
        return Ok(None);
    }
    let aside = store.root().join("damaged");
    files::create_dir(&aside)?;
    let mut target = aside.join(key.to_string());
    for copy in 2.. {
        if !target.exists() {
            break;
        }
        target = aside.join(format!("{key}.{copy}"));
    }
    fs::rename(entry.dir(), &target)
        .map_err(|source| EngineError::io("move", entry.dir(), source))?;
    files::sync_dir(&aside)?;
    Ok(Some(target))
}
