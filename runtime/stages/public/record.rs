//! The `checkpoint` stage: where the files of a public checkpoint are, by content. Tens of gigabytes
//! stay where they lie; whoever reads them finds them by their digests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ffrun_models::weights::WeightFiles;
use serde::{Deserialize, Serialize};

use super::weight_error;
use crate::{
    engine::{
        KnownFiles, files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::CheckpointSpec,
    stages::spec_of,
};

/// Name of the file in a `checkpoint` result.
const FILE: &str = "checkpoint.json";

/// A public checkpoint: what it is, and where its files were found.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stages) struct Record {
    /// The sizes of its networks.
    pub(in crate::stages) spec: CheckpointSpec,
    files: BTreeMap<String, Located>,
    #[serde(skip)]
    known: Option<KnownFiles>,
}

/// A file by content, and where it was last.
#[derive(Debug, Serialize, Deserialize)]
struct Located {
    blake3: String,
    path: PathBuf,
}

/// Finds every file and writes where.
pub(in crate::stages) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: CheckpointSpec = spec_of(stage)?;
    let mut found = BTreeMap::new();
    for (role, digest) in &stage.digests {
        let path = work.known_files.with_digest(digest, None)?;
        let path = path.ok_or_else(|| lost(role, digest, None))?;
        found.insert(role.clone(), Located { blake3: digest.clone(), path });
        let (done, total) = (found.len() as u64, stage.digests.len() as u64);
        (work.progress)(Progress { done, total, note: "files found".to_owned() });
    }
    let record = Record { spec, files: found, known: None };
    let json = serde_json::to_vec_pretty(&record).unwrap_or_default();
    Ok(files::write_atomic(&work.out.join(FILE), &json)?)
}

impl Record {
    /// Whether a folder holds the result of a `checkpoint` stage.
    pub(in crate::stages) fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Reads a `checkpoint` result.
    pub(in crate::stages) fn read(folder: &Path, work: &Work<'_>) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let json = files::read_optional(&path)?.unwrap_or_default();
        let mut record: Self = serde_json::from_slice(&json).map_err(|error| {
            StageError::Failed(format!(
                "`{}` cannot be read ({error}); `ffrun fsck --repair` moves it aside",
                path.display()
            ))
        })?;
        record.known = Some(work.known_files.clone());
        Ok(record)
    }

    /// The tensors of a part, every file verified.
    pub(super) fn weights(&self, part: &str) -> Result<WeightFiles, StageError> {
        WeightFiles::of(self.paths(part)?).map_err(weight_error)
    }

    /// The only file of a part; none where the checkpoint has no such part.
    pub(super) fn file(&self, part: &str) -> Result<Option<PathBuf>, StageError> {
        Ok(self.paths(part)?.into_iter().next())
    }

    /// The files of a part as they are now: `tokenizer`, or `transformer.00000` and on.
    fn paths(&self, part: &str) -> Result<Vec<PathBuf>, StageError> {
        let prefix = format!("{part}.0");
        let of_part = |role: &String| role == part || role.starts_with(&prefix);
        let files = self.files.iter().filter(|(role, _)| of_part(role));
        files.map(|(role, located)| self.find(role, located)).collect()
    }

    fn find(&self, role: &str, located: &Located) -> Result<PathBuf, StageError> {
        let Some(known) = &self.known else { return Ok(located.path.clone()) };
        let found = known.with_digest(&located.blake3, Some(&located.path))?;
        found.ok_or_else(|| lost(role, &located.blake3, Some(&located.path)))
    }
}

fn lost(role: &str, digest: &str, usual: Option<&Path>) -> StageError {
    let seen = usual.map(|path| format!(", last seen at `{}`,", path.display()));
    StageError::Environment(format!(
        "the file `{role}` of the checkpoint (blake3 {digest}){} is gone or has changed; put it \
         back, or name its new place in the script and plan again: files are known by their \
         content",
        seen.unwrap_or_default()
    ))
}
