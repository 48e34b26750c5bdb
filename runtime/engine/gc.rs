//! Freeing what no recent plan refers to.

use std::{collections::BTreeSet, fs, path::Path};

use serde::Serialize;

use super::{
    clock, entry::Entry, error::EngineError, files, key::Key, lease::Lease, plans, store::Store,
};

/// What was freed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// Entries.
    pub entries: usize,
    /// Bytes of their files and of checkpoints that are no longer needed.
    pub bytes: u64,
    /// Their keys.
    pub keys: Vec<Key>,
}

/// Frees every entry that no plan remembered within `keep_days` days refers to, directly or as
/// an input of an input; 0 keeps nothing. Also frees the checkpoints of finished stages that were
/// killed before they could. Never touches what a process is computing. With `dry_run` it only
/// counts.
pub fn gc(store: &Store, keep_days: u64, dry_run: bool) -> Result<Freed, EngineError> {
    if !store.root().exists() {
        return Ok(Freed::default());
    }
    if dry_run {
        return sweep(store, keep_days, &|entry, dir| weigh(entry, dir));
    }
    let _lease = plans::lock(store)?;
    // What a killed `gc` had already taken out of the store.
    files::remove_dir(&store.root().join("trash"))?;
    let freed = sweep(store, keep_days, &|entry, dir| discard(store, entry, dir))?;
    files::remove_dir(&store.root().join("trash"))?;
    plans::forget(store, &freed.keys)?;
    Ok(freed)
}

/// Does something to a folder of an entry and returns its bytes; `None` if the entry is in use.
type Treat<'a> = &'a dyn Fn(&Entry, &Path) -> Result<Option<u64>, EngineError>;

fn sweep(store: &Store, keep_days: u64, treat: Treat<'_>) -> Result<Freed, EngineError> {
    let kept = kept(store, keep_days)?;
    let mut freed = Freed::default();
    for key in store.keys()? {
        let entry = store.entry(&key);
        if !kept.contains(&key) {
            if let Some(bytes) = treat(&entry, entry.dir())? {
                freed.entries += 1;
                freed.bytes += bytes;
                freed.keys.push(key);
            }
        } else if entry.scratch().exists() && matches!(entry.result(), Ok(Some(_))) {
            freed.bytes += treat(&entry, &entry.scratch())?.unwrap_or(0);
        }
    }
    Ok(freed)
}

fn kept(store: &Store, keep_days: u64) -> Result<BTreeSet<Key>, EngineError> {
    let since = clock::unix_seconds().saturating_sub(keep_days.saturating_mul(24 * 60 * 60));
    let mut pending = plans::seen_after(store, since)?;
    let mut kept = BTreeSet::new();
    while let Some(key) = pending.pop() {
        if kept.insert(key) {
            // What cannot be read is kept, and `fsck` speaks of it.
            let stage = store.entry(&key).stage_unchecked().ok().flatten();
            pending.extend(stage.iter().flat_map(|stage| stage.inputs.values()));
        }
    }
    Ok(kept)
}

fn weigh(entry: &Entry, dir: &Path) -> Result<Option<u64>, EngineError> {
    if Lease::is_held(&entry.lease_path())? {
        return Ok(None);
    }
    files::bytes_under(dir).map(Some)
}

/// Takes the folder out of the store in one step, so that a reader finds it whole or not at all.
fn discard(store: &Store, entry: &Entry, dir: &Path) -> Result<Option<u64>, EngineError> {
    let Some(_lease) = Lease::try_acquire(&entry.lease_path())? else { return Ok(None) };
    let bytes = files::bytes_under(dir)?;
    let trash = store.root().join("trash");
    files::create_dir(&trash)?;
    fs::rename(dir, trash.join(entry.key().to_string()))
        .map_err(|source| EngineError::io("move", dir, source))?;
    Ok(Some(bytes))
}
