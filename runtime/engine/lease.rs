//! A lease: the right to compute one thing, held as a kernel lock that dies with its holder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    thread::sleep,
    time::Duration,
};

use super::{error::EngineError, files::absent};

/// An exclusive lock on a file. Dropping it, or the death of the process, releases it; so there
/// are no stale locks and there is nothing to unlock by hand.
#[derive(Debug)]
pub struct Lease {
    file: File,
}

impl Lease {
    /// Takes the lease on `path`, creating the file if need be; `None` while another holds it.
    /// The folder must exist.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, EngineError> {
        // A reader's `is_held` locks for some microseconds, so one refusal proves nothing.
        for _ in 0..TRIES {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) if still_names(path, &file)? => return Ok(Some(Self { file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(1)),
                Err(TryLockError::Error(source)) => {
                    return Err(EngineError::io("lock", path, source));
                }
            }
        }
        Ok(None)
    }

    /// Takes the lease on `path`, waiting for as long as another holds it.
    pub fn acquire(path: &Path) -> Result<Self, EngineError> {
        loop {
            let file = open(path)?;
            file.lock().map_err(|source| EngineError::io("lock", path, source))?;
            if still_names(path, &file)? {
                return Ok(Self { file });
            }
        }
    }

    /// Whether another holds the lease now. Writes nothing and creates nothing.
    pub fn is_held(path: &Path) -> Result<bool, EngineError> {
        let file = match File::open(path) {
            Err(error) if absent(&error) => return Ok(false),
            file => file.map_err(|source| EngineError::io("read", path, source))?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(EngineError::io("lock", path, source)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Explicit, because a child that another thread is just starting shares the open file
        // until it executes its program. If this fails, closing the file releases the lock.
        let _ = self.file.unlock();
    }
}

const TRIES: usize = 3;

fn open(path: &Path) -> Result<File, EngineError> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
    file.map_err(|source| EngineError::io("open", path, source))
}

/// Between opening and locking, `gc` or `fsck` may have moved the folder away: a lock on the
/// file that was is not a lock on the file that is.
#[cfg(unix)]
fn still_names(path: &Path, file: &File) -> Result<bool, EngineError> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata().map_err(|source| EngineError::io("read", path, source))?;
    match std::fs::metadata(path) {
        Ok(now) => Ok((now.dev(), now.ino()) == (held.dev(), held.ino())),
        Err(error) if absent(&error) => Ok(false),
        Err(source) => Err(EngineError::io("read", path, source)),
    }
}

/// Elsewhere an open file cannot be moved away.
#[cfg(not(unix))]
fn still_names(_path: &Path, _file: &File) -> Result<bool, EngineError> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_readers_see_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        assert!(!Lease::is_held(&path).unwrap());
        assert!(!path.exists(), "a reader creates nothing");

        let lease = Lease::try_acquire(&path).unwrap().unwrap();
        assert!(Lease::try_acquire(&path).unwrap().is_none());
        assert!(Lease::is_held(&path).unwrap());

        drop(lease);
        assert!(!Lease::is_held(&path).unwrap());
        assert!(Lease::try_acquire(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_file_that_was_moved_away_is_no_lease() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let file = open(&path).unwrap();
        assert!(still_names(&path, &file).unwrap());
        std::fs::rename(&path, dir.path().join("moved")).unwrap();
        assert!(!still_names(&path, &file).unwrap());
        let _new = open(&path).unwrap();
        assert!(!still_names(&path, &file).unwrap());
    }
}
