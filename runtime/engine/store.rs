//! The store: results by content address, in plain folders that a person can read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{entry::Entry, error::EngineError, files::absent, key::Key, plans};

/// A folder of entries, `<root>/<aa>/<key>/`, where `aa` are the first two digits of the key.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in this folder. Touches nothing: the first stage that runs creates it.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The entry of a stage, whether or not it exists.
    pub fn entry(&self, key: &Key) -> Entry {
        Entry::new(&self.root, key)
    }

    /// The keys of all entries, sorted. Empty if there is no store yet.
    pub fn keys(&self) -> Result<Vec<Key>, EngineError> {
        let mut keys = Vec::new();
        for shard in names(&self.root)? {
            if shard.len() == 2 && u8::from_str_radix(&shard, 16).is_ok() {
                let dir = self.root.join(&shard);
                keys.extend(names(&dir)?.iter().filter_map(|name| name.parse::<Key>().ok()));
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Notes in `plans/<experiment>.json` that the experiment uses these stages now, so that
    /// `gc` keeps them and all they read.
    pub fn remember_plan(&self, experiment: &str, keys: &[Key]) -> Result<(), EngineError> {
        plans::remember(self, experiment, keys)
    }
}

fn names(dir: &Path) -> Result<Vec<String>, EngineError> {
    let items = match fs::read_dir(dir) {
        Err(error) if absent(&error) => return Ok(Vec::new()),
        items => items.map_err(|source| EngineError::io("list", dir, source))?,
    };
    let names = items.map(|item| Ok(item?.file_name().to_string_lossy().into_owned()));
    let names: Result<Vec<String>, std::io::Error> = names.collect();
    names.map_err(|source| EngineError::io("list", dir, source))
}
