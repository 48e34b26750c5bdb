//! What the store has done so far, read once for comparisons.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::engine::{
    entry::Entry, error::EngineError, key::Key, record::ResultRecord, stage::Stage, store::Store,
};

/// A finished stage.
pub(super) struct Stored {
    pub(super) stage: Stage,
    pub(super) record: ResultRecord,
}

/// All finished stages of a store.
#[derive(Default)]
pub(super) struct Archive {
    pub(super) stored: BTreeMap<Key, Stored>,
}

impl Archive {
    /// Reads the descriptions and records. What cannot be read is left out: `fsck` speaks of it,
    /// and a comparison can do without.
    pub(super) fn load(store: &Store) -> Result<Self, EngineError> {
        let read = |key: Key| Some((key, stored(&store.entry(&key))?));
        let stored = store.keys()?.into_par_iter().filter_map(read).collect();
        Ok(Self { stored })
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Stored> {
        self.stored.get(key)
    }

    pub(super) fn stage(&self, key: &Key) -> Option<&Stage> {
        self.stored.get(key).map(|stored| &stored.stage)
    }

    /// The finished stages of a kind except one, those that finished last first.
    pub(super) fn newest(&self, kind: &str, except: Option<&Key>) -> Vec<&Key> {
        let of_kind = self.stored.iter().filter(|(_, stored)| stored.stage.kind == kind);
        let mut keys: Vec<_> = of_kind.filter(|(key, _)| Some(*key) != except).collect();
        keys.sort_by_key(|(key, stored)| (std::cmp::Reverse(stored.record.finished_unix), *key));
        keys.into_iter().map(|(key, _)| key).collect()
    }
}

fn stored(entry: &Entry) -> Option<Stored> {
    let record = entry.record().ok()??;
    let stage = entry.stage_unchecked().ok()??;
    Some(Stored { stage, record })
}
