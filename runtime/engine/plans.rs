//! Plans that the store remembers, so that `gc` knows what is still wanted.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{clock, error::EngineError, files, key::Key, lease::Lease, store::Store};

/// `plans/<experiment>.json`: when each stage was last part of the experiment.
#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    /// Seconds since 1970-01-01 UTC by stage.
    seen_unix: BTreeMap<Key, u64>,
}

/// Notes that the experiment uses these stages now. Those it used before keep their old time.
pub(super) fn remember(store: &Store, experiment: &str, keys: &[Key]) -> Result<(), EngineError> {
    let _lease = lock(store)?;
    let path = dir(store).join(file_name(experiment));
    let mut plan = read(&path)?;
    let now = clock::unix_seconds();
    plan.seen_unix.extend(keys.iter().map(|key| (*key, now)));
    write(&path, &plan)
}

/// The right to read and change plans, which `gc` holds from first to last: no experiment can
/// start to rely on a result that is just being freed.
pub(super) fn lock(store: &Store) -> Result<Lease, EngineError> {
    files::create_dir(&dir(store))?;
    Lease::acquire(&dir(store).join("lease"))
}

/// Every stage that some plan has used after this time.
pub(super) fn seen_after(store: &Store, unix: u64) -> Result<Vec<Key>, EngineError> {
    let mut keys = Vec::new();
    for path in all(store)? {
        let plan = read(&path)?;
        keys.extend(plan.seen_unix.iter().filter(|(_, seen)| **seen > unix).map(|(key, _)| *key));
    }
    Ok(keys)
}

/// Takes freed stages out of all plans. The caller holds [`lock`].
pub(super) fn forget(store: &Store, freed: &[Key]) -> Result<(), EngineError> {
    for path in all(store)? {
        let mut plan = read(&path)?;
        let before = plan.seen_unix.len();
        for key in freed {
            plan.seen_unix.remove(key);
        }
        if plan.seen_unix.len() < before {
            write(&path, &plan)?;
        }
    }
    Ok(())
}

fn dir(store: &Store) -> PathBuf {
    store.root().join("plans")
}

fn all(store: &Store) -> Result<Vec<PathBuf>, EngineError> {
    let names = files::list(&dir(store))?;
    let plans = names.iter().map(|name| dir(store).join(name));
    Ok(plans.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect())
}

fn read(path: &std::path::Path) -> Result<Remembered, EngineError> {
    let Some(bytes) = files::read_optional(path)? else { return Ok(Remembered::default()) };
    // Written by rename, so never half there. Guessing what a spoilt one held could free results.
    serde_json::from_slice(&bytes).map_err(|error| EngineError::Io {
        action: "read the plan",
        path: path.to_owned(),
        source: std::io::Error::other(format!("{error}; delete it and run the experiment again")),
    })
}

fn write(path: &std::path::Path, plan: &Remembered) -> Result<(), EngineError> {
    // Keys and integers always serialize.
    files::write_atomic(path, &serde_json::to_vec(plan).unwrap_or_default())
}

/// A name becomes a file name by replacing what may not stand in one. Two names that become one
/// share a plan, which only keeps more.
fn file_name(experiment: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    format!("{}.json", experiment.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn plans_add_up_and_forget() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let keys: Vec<Key> = (0..3_u8).map(|n| Key::of(&[n])).collect();
        remember(&store, "a/b", &keys[..2]).unwrap();
        remember(&store, "a/b", &keys[1..]).unwrap();
        remember(&store, "c", &keys[..1]).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("plans")).unwrap().count(), 3);

        let mut seen = seen_after(&store, 0).unwrap();
        seen.sort();
        seen.dedup();
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(seen, sorted);
        assert_eq!(seen_after(&store, clock::unix_seconds() + 1).unwrap(), []);

        forget(&store, &keys[..2]).unwrap();
        assert_eq!(seen_after(&store, 0).unwrap(), keys[2..]);
    }

    #[test]
    fn a_spoilt_plan_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        remember(&store, "a", &[]).unwrap();
        fs::write(dir.path().join("plans/a.json"), b"{").unwrap();
        let error = seen_after(&store, 0).unwrap_err().to_string();
        assert!(error.contains("plans/a.json`") && error.contains("delete it"), "{error}");
    }
}
