//! The result record: what a finished stage left, so exactly that damage shows.

use std::{collections::BTreeMap, fs::File, path::Path};

use serde::{Deserialize, Serialize};

use super::{error::EngineError, files, key::Key};

/// Format of `result.json` that this program writes and reads.
pub const FORMAT: u32 = 1;

/// Digest and size of one file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Blake3 of the content, hexadecimal.
    pub blake3: String,
    /// Size in bytes.
    pub bytes: u64,
}

impl FileDigest {
    /// Reads a file through, in constant memory.
    pub fn of(path: &Path) -> Result<Self, EngineError> {
        let mut hasher = blake3::Hasher::new();
        let read = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
        read.map_err(|source| EngineError::io("read", path, source))?;
        Ok(Self { blake3: hasher.finalize().to_hex().to_string(), bytes: hasher.count() })
    }
}

/// `result.json`. It is written last: a stage is done if and only if this record is there and
/// the files it names are as it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// The stage.
    pub key: Key,
    /// Kind of the stage.
    pub kind: String,
    /// Version of the kind.
    pub version: u32,
    /// Path under `out/` (parts joined by `/`) → digest and size.
    pub files: BTreeMap<String, FileDigest>,
    /// Seconds the last attempt ran.
    pub seconds: f64,
    /// Whether that attempt continued an earlier one, so that `seconds` is only a part.
    pub resumed: bool,
    /// Peak memory of the process in MiB; 0 where the system does not tell.
    pub peak_mib: f64,
    /// Blake3 of the program that computed it.
    pub host_digest: String,
    /// When it finished, in seconds since 1970-01-01 UTC.
    pub finished_unix: u64,
}

impl ResultRecord {
    /// Bytes of all files of the result.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }
}

/// Digests every file under `out` and makes each durable.
pub fn seal(out: &Path) -> Result<BTreeMap<String, FileDigest>, EngineError> {
    let mut digests = BTreeMap::new();
    for name in files::list(out)? {
        let path = out.join(&name);
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|source| EngineError::io("write", &path, source))?;
        if let Some(dir) = path.parent() {
            files::sync_dir(dir)?;
        }
        digests.insert(name, FileDigest::of(&path)?);
    }
    files::sync_dir(out)?;
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seal_names_every_file_with_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("faces")).unwrap();
        std::fs::write(dir.path().join("faces/1.png"), b"abc").unwrap();
        std::fs::write(dir.path().join("labels.csv"), b"").unwrap();
        let digests = seal(dir.path()).unwrap();
        assert_eq!(digests.keys().collect::<Vec<_>>(), ["faces/1.png", "labels.csv"]);
        // As `printf abc | b3sum` prints it.
        let abc = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        let expected = FileDigest { blake3: abc.into(), bytes: 3 };
        assert_eq!(digests["faces/1.png"], expected);
    }
}
