//! Large files outside the store, by content: their digests, remembered so that each is read once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{error::EngineError, files, lease::Lease, record::FileDigest, store::Store};

/// What is remembered beside a store: `known_files/digests.json`.
#[derive(Clone, Debug)]
pub struct KnownFiles {
    folder: PathBuf,
}

/// A file as it was when it was read through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    blake3: String,
    bytes: u64,
    /// Nanoseconds since 1970-01-01 UTC.
    modified_ns: u64,
}

type Digests = BTreeMap<PathBuf, Seen>;

impl KnownFiles {
    /// What is remembered beside this store.
    pub fn beside(store: &Store) -> Self {
        Self { folder: store.root().join("known_files") }
    }

    /// Blake3 of the file's content, hexadecimal. The file is read unless it is remembered with
    /// the size and the time of change that it has now.
    ///
    /// # Errors
    /// When the file or what is remembered cannot be read.
    pub fn digest(&self, path: &Path) -> Result<String, EngineError> {
        let path = path.canonicalize().map_err(|source| EngineError::io("read", path, source))?;
        let (bytes, modified_ns) = state(&path)?;
        let unchanged = |seen: &&Seen| (seen.bytes, seen.modified_ns) == (bytes, modified_ns);
        if let Some(seen) = self.read()?.get(&path).filter(unchanged) {
            return Ok(seen.blake3.clone());
        }
        let digest = FileDigest::of(&path)?;
        let seen = Seen { blake3: digest.blake3.clone(), bytes: digest.bytes, modified_ns };
        self.remember(path, seen)?;
        Ok(digest.blake3)
    }

    /// A file with this content: the one at `usual`, or any that was read through before and is
    /// still there. None if all are gone or changed.
    ///
    /// # Errors
    /// When what is remembered cannot be read.
    pub fn with_digest(
        &self,
        digest: &str,
        usual: Option<&Path>,
    ) -> Result<Option<PathBuf>, EngineError> {
        let known = self.read()?;
        let others = known.into_iter().filter(|(_, seen)| seen.blake3 == digest);
        let usual = usual.map(Path::to_owned).into_iter();
        let mut candidates = usual.chain(others.map(|(path, _)| path));
        // A file that cannot be read is none: the caller names what is missing.
        Ok(candidates.find(|path| self.digest(path).is_ok_and(|found| found == digest)))
    }

    fn read(&self) -> Result<Digests, EngineError> {
        let bytes = files::read_optional(&self.file())?;
        // Nothing but time is lost with a spoilt memory.
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    fn remember(&self, path: PathBuf, seen: Seen) -> Result<(), EngineError> {
        files::create_dir(&self.folder)?;
        let _lease = Lease::acquire(&self.folder.join("lease"))?;
        let mut known = self.read()?;
        known.insert(path, seen);
        files::write_atomic(&self.file(), &serde_json::to_vec_pretty(&known).unwrap_or_default())
    }

    fn file(&self) -> PathBuf {
        self.folder.join("digests.json")
    }
}

/// Size and time of the last change.
fn state(path: &Path) -> Result<(u64, u64), EngineError> {
    let failed = |source| EngineError::io("read", path, source);
    let metadata = fs::metadata(path).map_err(failed)?;
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), since.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    fn remembered() -> (tempfile::TempDir, KnownFiles) {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownFiles::beside(&Store::at(&folder.path().join("store")));
        (folder, known)
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let (folder, known) = remembered();
        let path = folder.path().join("weights");
        fs::write(&path, b"abc").unwrap();
        let first = known.digest(&path).unwrap();
        assert_eq!(first, blake3::hash(b"abc").to_hex().as_str());
        // The same size and time: the digest comes from memory, and shows it by being the old one.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, b"abd").unwrap();
        let set = |time| fs::File::options().write(true).open(&path).unwrap().set_modified(time);
        set(modified).unwrap();
        assert_eq!(known.digest(&path).unwrap(), first);
        set(modified + Duration::from_secs(1)).unwrap();
        assert_eq!(known.digest(&path).unwrap(), blake3::hash(b"abd").to_hex().as_str());
    }

    #[test]
    fn a_moved_file_is_found_by_its_content() {
        let (folder, known) = remembered();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, b"abc").unwrap();
        let digest = known.digest(&old).unwrap();
        assert_eq!(known.with_digest(&digest, Some(&old)).unwrap(), Some(old.clone()));
        fs::rename(&old, &new).unwrap();
        assert_eq!(known.with_digest(&digest, Some(&old)).unwrap(), None);
        known.digest(&new).unwrap();
        assert_eq!(known.with_digest(&digest, Some(&old)).unwrap(), Some(new.clone()));
        fs::write(&new, b"other").unwrap();
        assert_eq!(known.with_digest(&digest, Some(&old)).unwrap(), None);
    }

    #[test]
    fn a_spoilt_memory_is_written_anew() {
        let (folder, known) = remembered();
        let path = folder.path().join("weights");
        fs::write(&path, b"abc").unwrap();
        known.digest(&path).unwrap();
        fs::write(known.file(), b"{").unwrap();
        assert_eq!(known.digest(&path).unwrap(), blake3::hash(b"abc").to_hex().as_str());
        assert!(known.read().unwrap().len() == 1);
    }
}
