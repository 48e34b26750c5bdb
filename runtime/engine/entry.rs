//! An entry of the store: one stage, its description, its result and its scratch space.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    error::EngineError,
    files::{self, absent},
    key::Key,
    record::{FORMAT, FileDigest, ResultRecord},
    stage::Stage,
};

/// The folder `<root>/<aa>/<key>/` with `stage.json`, `lease`, `result.json`, `out/`, `work/`.
#[derive(Clone, Debug)]
pub struct Entry {
    key: Key,
    dir: PathBuf,
    root: PathBuf,
}

impl Entry {
    pub(super) fn new(root: &Path, key: &Key) -> Self {
        let name = key.to_string();
        Self { key: *key, dir: root.join(&name[..2]).join(&name), root: root.to_owned() }
    }

    /// The key of the stage.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The folder of the entry. It need not exist.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the files of the result are.
    pub fn out(&self) -> PathBuf {
        self.dir.join("out")
    }

    /// Where checkpoints are kept until the stage is done.
    pub fn scratch(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// The file whose lock is the right to compute this stage.
    pub fn lease_path(&self) -> PathBuf {
        self.dir.join("lease")
    }

    /// Writes `stage.json`, from which a worker process knows what to do. Doing it again is
    /// harmless.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] if there is a `stage.json` that says something else.
    pub fn freeze(&self, stage: &Stage) -> Result<(), EngineError> {
        if stage.key() != self.key {
            return Err(self.damaged("stage.json", "would describe another stage"));
        }
        if self.stage_path().exists() {
            return self.stage().map(drop);
        }
        files::create_dir(&self.dir)?;
        files::write_atomic(&self.stage_path(), &pretty(stage))
    }

    /// Reads `stage.json` and checks that it is the stage of this key.
    ///
    /// # Errors
    /// [`EngineError::UnknownStage`] if there is none, [`EngineError::Damaged`] if it is another.
    pub fn stage(&self) -> Result<Stage, EngineError> {
        let stage = self
            .stage_unchecked()?
            .ok_or_else(|| EngineError::UnknownStage { key: self.key, root: self.root.clone() })?;
        if stage.key() == self.key {
            Ok(stage)
        } else {
            Err(self.damaged("stage.json", "describes another stage"))
        }
    }

    /// The stage without the cost of hashing it, for comparisons that change nothing.
    pub(super) fn stage_unchecked(&self) -> Result<Option<Stage>, EngineError> {
        let Some(bytes) = files::read_optional(&self.stage_path())? else { return Ok(None) };
        let stage = serde_json::from_slice(&bytes);
        stage
            .map(Some)
            .map_err(|error| self.damaged("stage.json", &format!("is no stage: {error}")))
    }

    /// The record of a finished stage, `None` if it has not finished. Cheap: one small file and
    /// the sizes of those it names.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] if the record cannot be read or a file is missing or cut short.
    pub fn result(&self) -> Result<Option<ResultRecord>, EngineError> {
        let record = self.record()?;
        if let Some(record) = &record {
            for (name, digest) in &record.files {
                self.check_size(name, digest)?;
            }
        }
        Ok(record)
    }

    /// Checks everything: the description, the record and the digest of every file.
    ///
    /// # Errors
    /// As [`Entry::stage`] and [`Entry::result`], and [`EngineError::Damaged`] if a digest differs.
    pub fn verify(&self) -> Result<Option<ResultRecord>, EngineError> {
        self.stage()?;
        let record = self.result()?;
        for (name, digest) in record.iter().flat_map(|record| &record.files) {
            let path = self.out().join(name);
            if FileDigest::of(&path)? != *digest {
                return Err(
                    self.damaged(&format!("out/{name}"), "does not have its recorded digest")
                );
            }
        }
        Ok(record)
    }

    /// Makes the stage done: the last write of a computation.
    pub(super) fn finish(&self, record: &ResultRecord) -> Result<(), EngineError> {
        files::write_atomic(&self.result_path(), &pretty(record))
    }

    pub(super) fn result_path(&self) -> PathBuf {
        self.dir.join("result.json")
    }

    fn stage_path(&self) -> PathBuf {
        self.dir.join("stage.json")
    }

    /// The record alone, its files not looked at.
    pub(super) fn record(&self) -> Result<Option<ResultRecord>, EngineError> {
        let Some(bytes) = files::read_optional(&self.result_path())? else { return Ok(None) };
        let record: ResultRecord = serde_json::from_slice(&bytes).map_err(|error| {
            self.damaged("result.json", &format!("is no result record: {error}"))
        })?;
        if record.format != FORMAT {
            let reason = format!("has format {}, this program reads {FORMAT}", record.format);
            return Err(self.damaged("result.json", &reason));
        }
        if record.key != self.key {
            return Err(self.damaged("result.json", "is the record of another stage"));
        }
        Ok(Some(record))
    }

    fn check_size(&self, name: &str, digest: &FileDigest) -> Result<(), EngineError> {
        let mut path = self.out();
        path.push(name);
        match fs::metadata(&path) {
            Ok(file) if file.is_file() && file.len() == digest.bytes => Ok(()),
            Ok(file) => {
                let reason = format!("has {} bytes instead of {}", file.len(), digest.bytes);
                Err(self.damaged(&format!("out/{name}"), &reason))
            }
            Err(error) if absent(&error) => Err(self.damaged(&format!("out/{name}"), "is missing")),
            Err(source) => Err(EngineError::io("read", &path, source)),
        }
    }

    fn damaged(&self, name: &str, reason: &str) -> EngineError {
        EngineError::Damaged { key: self.key, path: self.dir.join(name), reason: reason.to_owned() }
    }
}

/// Indented, because these files are also read by people.
fn pretty<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Stages and records hold string keys and plain numbers only, which always serialize.
    serde_json::to_vec_pretty(value).unwrap_or_default()
}
