//! Opens files and reads runs of bytes from them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{WeightError, WeightResult};

/// A file open for reading. Runs of bytes are read where they are wanted, so that a checkpoint far
/// larger than memory can be read tensor by tensor.
pub(super) struct Bytes {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Bytes {
    pub(super) fn open(path: &Path) -> WeightResult<Self> {
        let unreadable = |source| WeightError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The `count` bytes from `offset` on.
    pub(super) fn read(&mut self, offset: u64, count: u64) -> WeightResult<Vec<u8>> {
        // Asked before memory is: a damaged header can name any size.
        if offset.checked_add(count).is_none_or(|end| end > self.length) {
            return Err(WeightError::Truncated {
                path: self.path.clone(),
                expected: offset.saturating_add(count),
                found: self.length,
            });
        }
        let mut bytes = vec![0; count as usize];
        let read = self.file.seek(SeekFrom::Start(offset));
        read.and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| WeightError::Unreadable { path: self.path.clone(), source })?;
        Ok(bytes)
    }

    /// The open file, for readers of their own.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }
}
