//! A set of weight files as one map from names to tensors that are read when asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

use super::bytes::Bytes;
use super::finite::not_finite;
use super::place::{Place, Places};
use super::{WeightError, WeightResult, safetensors_file, shards, torch_file};

/// All tensors of one set of files, by name. Opening reads the tables of contents only.
#[derive(Clone, Debug)]
pub struct WeightFiles {
    path: PathBuf,
    files: Vec<PathBuf>,
    /// File, the tensor's name there, and its place.
    entries: BTreeMap<String, (usize, String, Place)>,
}

impl WeightFiles {
    /// Opens a file (safetensors or PyTorch, told by its content), one of its shards, an index, or
    /// a folder with one set of weights.
    ///
    /// # Errors
    /// For every way in which such a file can be wrong: see [`WeightError`].
    pub fn open(path: &Path) -> WeightResult<Self> {
        Self::of(shards::shards(path)?).map(|opened| Self { path: path.to_owned(), ..opened })
    }

    /// Opens just these files, as one set; the first stands for all in messages.
    ///
    /// # Errors
    /// As [`WeightFiles::open`].
    pub fn of(files: Vec<PathBuf>) -> WeightResult<Self> {
        let mut entries: BTreeMap<String, (usize, String, Place)> = BTreeMap::new();
        for (at, file) in files.iter().enumerate() {
            for (name, place) in places(&mut Bytes::open(file)?)? {
                let entry = (at, name.clone(), place);
                if let Some((before, ..)) = entries.insert(name.clone(), entry) {
                    let (first, second) = (files[before].clone(), file.clone());
                    return Err(WeightError::DuplicateKey { key: name, first, second });
                }
            }
        }
        let path = files.first().cloned().unwrap_or_default();
        Ok(Self { path, files, entries })
    }

    /// The path it was opened with.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names and shapes, by name.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.entries.iter().map(|(name, (_, _, place))| (name.as_str(), place.shape.as_slice()))
    }

    /// The shape of a tensor; none if there is no such name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|(_, _, place)| place.shape.as_slice())
    }

    /// The files they lie in.
    pub fn paths(&self) -> &[PathBuf] {
        &self.files
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same tensors under other names; those that `name` gives none stay as they are.
    ///
    /// # Errors
    /// When two tensors come to have one name.
    pub fn renamed(self, name: impl Fn(&str) -> Option<String>) -> WeightResult<Self> {
        let Self { path, files, entries: old } = self;
        let mut entries = BTreeMap::new();
        for (key, entry) in old {
            let key = name(&key).unwrap_or(key);
            let second = files[entry.0].clone();
            if let Some((before, ..)) = entries.insert(key.clone(), entry) {
                let before: usize = before;
                return Err(WeightError::DuplicateKey {
                    key,
                    first: files[before].clone(),
                    second,
                });
            }
        }
        Ok(Self { path, files, entries })
    }

    /// Reads one tensor, as `dtype`, to `device`; none if there is no such name. Memory for one
    /// tensor is all that is used.
    ///
    /// # Errors
    /// When the file cannot be read, and for values that are not finite.
    pub fn tensor(
        &self,
        name: &str,
        dtype: DType,
        device: &Device,
    ) -> WeightResult<Option<Tensor>> {
        let Some((at, key, place)) = self.entries.get(name) else { return Ok(None) };
        let file = &self.files[*at];
        let (Some(count), mut bytes) = (place.bytes(), Bytes::open(file)?) else {
            let reason = format!("`{key}` of shape {:?} is too large", place.shape);
            return Err(WeightError::Damaged { path: file.clone(), reason });
        };
        let values = bytes.read(place.offset, count)?;
        if let Some((count, first)) = not_finite(place.dtype, &values) {
            let (path, key) = (file.clone(), key.clone());
            return Err(WeightError::NotFinite { path, key, count, place: first });
        }
        let tensor = Tensor::from_raw_buffer(&values, place.dtype, &place.shape, &Device::Cpu)?;
        Ok(Some(tensor.to_dtype(dtype)?.to_device(device)?))
    }
}

/// The table of contents of a file of either kind.
fn places(bytes: &mut Bytes) -> WeightResult<Places> {
    let beginning = bytes.read(0, bytes.length().min(64))?;
    let not_weights = |reason: &str| WeightError::NotWeights {
        path: bytes.path().to_owned(),
        reason: reason.to_owned(),
    };
    let places = match beginning.as_slice() {
        [] => vec![],
        [b'P', b'K', ..] => torch_file::places(bytes)?,
        // Legacy `torch.save`: a bare pickle of protocol 2.
        [0x80, 0x02, ..] => {
            return Err(not_weights(
                "a pickle without archive, PyTorch's format before 1.6; load and save it again",
            ));
        }
        [b'<', ..] => return Err(not_weights("a web page; a download went wrong")),
        text if text.starts_with(b"version https://git-lfs") => {
            return Err(not_weights(
                "a Git LFS pointer; fetch the file itself with `git lfs pull`",
            ));
        }
        [_, _, _, _, _, _, _, _, b'{', ..] => safetensors_file::places(bytes)?,
        _ => return Err(not_weights("neither safetensors nor an archive of PyTorch")),
    };
    if places.is_empty() {
        return Err(WeightError::Empty { path: bytes.path().to_owned() });
    }
    Ok(places)
}
