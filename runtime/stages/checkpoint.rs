//! Checkpoints of a training: everything that the next step depends on, with a digest.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use ffrun_models::checkpoint::{decode, encode};

use super::model_error;
use crate::engine::{EngineError, files, work::StageError};

/// Bytes of the blake3 digest at the end of the file.
const DIGEST: usize = blake3::OUT_LEN;

/// Checkpoints kept: if the newest is damaged, the one before still counts.
const KEPT: usize = 2;

/// Everything that the next step depends on, by name.
pub type State = BTreeMap<String, Tensor>;

/// The checkpoints of one stage, in its scratch folder.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Checkpoints in this folder, which is made if need be.
    pub fn in_folder(folder: &Path) -> Result<Self, StageError> {
        files::create_dir(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Saves the state after `step` steps and forgets all but the newest two.
    pub fn save(&self, step: u64, state: &State) -> Result<(), StageError> {
        let mut bytes = encode(state).map_err(model_error)?;
        let digest = blake3::hash(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        files::write_atomic(&self.folder.join(format!("step-{step:010}")), &bytes)?;
        for (_, path) in self.all()?.into_iter().rev().skip(KEPT) {
            fs::remove_file(&path).map_err(|source| EngineError::io("remove", &path, source))?;
        }
        Ok(())
    }

    /// The newest sound checkpoint: steps made and state. Damaged ones are named to `warn` and
    /// passed over; nothing that was computed is lost beyond them.
    pub fn newest(
        &self,
        device: &Device,
        warn: &dyn Fn(String),
    ) -> Result<Option<(u64, State)>, StageError> {
        for (step, path) in self.all()?.into_iter().rev() {
            match read(&path, device) {
                Ok(state) => return Ok(Some((step, state))),
                Err(reason) => warn(format!(
                    "checkpoint `{}` is damaged ({reason}); continuing from the one before",
                    path.display()
                )),
            }
        }
        Ok(None)
    }

    fn all(&self) -> Result<Vec<(u64, PathBuf)>, StageError> {
        let step = |name: &String| name.strip_prefix("step-")?.parse().ok();
        let mut found: Vec<(u64, PathBuf)> = files::list(&self.folder)?
            .iter()
            .filter_map(|name| Some((step(name)?, self.folder.join(name))))
            .collect();
        found.sort();
        Ok(found)
    }
}

fn read(path: &Path, device: &Device) -> Result<State, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let Some((content, digest)) = bytes.len().checked_sub(DIGEST).map(|end| bytes.split_at(end))
    else {
        return Err(format!("only {} bytes", bytes.len()));
    };
    if blake3::hash(content).as_bytes() != digest {
        return Err("its digest does not fit its content".to_owned());
    }
    decode(content, device).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap, fs};

    use candle_core::{Device, Tensor};

    use super::Checkpoints;

    fn state(value: f32) -> BTreeMap<String, Tensor> {
        [("w".to_owned(), Tensor::new(&[value], &Device::Cpu).unwrap())].into()
    }

    #[test]
    fn a_truncated_checkpoint_is_named_and_the_one_before_counts() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::in_folder(dir.path()).unwrap();
        for step in 1..=3 {
            checkpoints.save(step, &state(step as f32)).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        let newest = dir.path().join("step-0000000003");
        let bytes = fs::read(&newest).unwrap();
        fs::write(&newest, &bytes[..bytes.len() - 9]).unwrap();
        let said = RefCell::new(Vec::new());
        let warn = |text: String| said.borrow_mut().push(text);
        let (step, found) = checkpoints.newest(&Device::Cpu, &warn).unwrap().unwrap();
        assert_eq!((step, found["w"].to_vec1::<f32>().unwrap()), (2, vec![2.0]));
        assert!(said.borrow()[0].contains("step-0000000003` is damaged"), "{said:?}");
    }

    #[test]
    fn without_a_checkpoint_a_training_starts_at_the_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::in_folder(dir.path()).unwrap();
        assert!(checkpoints.newest(&Device::Cpu, &|_| ()).unwrap().is_none());
    }
}
