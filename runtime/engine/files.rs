//! Durable files: a file is either there whole or not there, whatever happens in between.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::error::EngineError;

/// Writes `bytes` to `path` so that a reader, or a machine after a power cut, finds the old file
/// or the new one: temporary file in the same folder, fsync, rename, fsync of the folder.
/// A device or a pipe (`/dev/null`, `/dev/stdout`) is written to, never replaced by a file.
///
/// # Errors
/// A full disk, a read-only file system and a lack of permission each have their own error.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    if is_special(path) {
        let written = OpenOptions::new().write(true).open(path);
        return written
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|source| EngineError::io("write", path, source));
    }
    let dir = parent(path)?;
    let temporary = temporary_beside(path);
    let written = create(&temporary)
        .and_then(|mut file| write_synced(&mut file, bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // The first error is the one to report; a temporary file left behind is swept later.
        let _ = fs::remove_file(&temporary);
        return Err(EngineError::io("write", path, source));
    }
    sync_dir(dir)
}

/// Whether something stands at `path` that is neither a file nor a folder.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// The bytes of a file, or `None` where there is none.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if absent(&error) => Ok(None),
        Err(source) => Err(EngineError::io("read", path, source)),
    }
}

/// Makes a folder and those above it.
pub fn create_dir(path: &Path) -> Result<(), EngineError> {
    fs::create_dir_all(path).map_err(|source| EngineError::io("create", path, source))
}

/// Makes renames and new names in this folder durable.
pub fn sync_dir(path: &Path) -> Result<(), EngineError> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|source| EngineError::io("write", path, source))
}

/// Removes a folder and all in it; fine if there is none.
pub fn remove_dir(path: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(path) {
        Err(source) if !absent(&source) => Err(EngineError::io("remove", path, source)),
        _ => Ok(()),
    }
}

/// Removes what [`write_atomic`] left behind when it was killed while writing `path`. Call it
/// only where nobody else can be writing `path`.
pub fn sweep_temporaries(path: &Path) -> Result<(), EngineError> {
    let dir = parent(path)?;
    let prefix = temporary_prefix(path);
    for item in fs::read_dir(dir).map_err(|source| EngineError::io("list", dir, source))? {
        let item = item.map_err(|source| EngineError::io("list", dir, source))?;
        if item.file_name().to_string_lossy().starts_with(&prefix) {
            let path = item.path();
            fs::remove_file(&path).map_err(|source| EngineError::io("remove", &path, source))?;
        }
    }
    Ok(())
}

/// All regular files under `dir` as paths relative to it with `/` between the parts, sorted.
/// Empty if there is no such folder.
///
/// # Errors
/// Anything that is neither a file nor a folder: a link could lead outside the store.
pub fn list(dir: &Path) -> Result<Vec<String>, EngineError> {
    let mut names = Vec::new();
    let mut pending = vec![(dir.to_owned(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        let items = match fs::read_dir(&folder) {
            Err(error) if absent(&error) && folder == dir => break,
            items => items.map_err(|source| EngineError::io("list", &folder, source))?,
        };
        for item in items {
            let (name, is_dir) =
                named(item).map_err(|source| EngineError::io("list", &folder, source))?;
            if is_dir {
                pending.push((folder.join(&name), format!("{prefix}{name}/")));
            } else {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Bytes of all files under `dir`.
pub fn bytes_under(dir: &Path) -> Result<u64, EngineError> {
    let mut total = 0;
    for name in list(dir)? {
        let path = dir.join(name);
        let file = fs::metadata(&path).map_err(|source| EngineError::io("read", &path, source))?;
        total += file.len();
    }
    Ok(total)
}

/// Whether the error says that there is no such file.
pub(crate) fn absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn write_synced(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

fn named(item: io::Result<fs::DirEntry>) -> io::Result<(String, bool)> {
    let item = item?;
    let name = item.file_name().into_string().map_err(|name| {
        io::Error::other(format!("the file name `{}` is not Unicode", name.display()))
    })?;
    let kind = item.file_type()?;
    if kind.is_dir() || kind.is_file() {
        return Ok((name, kind.is_dir()));
    }
    Err(io::Error::other(format!("`{name}` is neither a file nor a folder")))
}

fn parent(path: &Path) -> Result<&Path, EngineError> {
    path.parent().ok_or_else(|| {
        let source = io::Error::other("the path names no file");
        EngineError::io("write", path, source)
    })
}

fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!(".{}.tmp-", name.to_string_lossy())
}

fn temporary_beside(path: &Path) -> PathBuf {
    // Unique among processes by the process id and within one by the counter.
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let prefix = temporary_prefix(path);
    path.with_file_name(format!("{prefix}{}-{count}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(list(dir.path()).unwrap(), ["a.json"]);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder");
        fs::create_dir_all(path.join("full")).unwrap();
        // A rename onto a folder that is not empty fails for every user, root included.
        let error = write_atomic(&path, b"x").unwrap_err();
        assert!(error.to_string().starts_with("cannot write `"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_named() {
        let device = Path::new("/dev/full");
        let Ok(mut file) = OpenOptions::new().write(true).open(device) else {
            eprintln!("skipped: this system has no /dev/full");
            return;
        };
        let source = write_synced(&mut file, b"x").unwrap_err();
        let error = EngineError::io("write", device, source);
        assert!(matches!(error, EngineError::DiskFull { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_never_replaced() {
        if !is_special(Path::new("/dev/full")) {
            eprintln!("skipped: this system has no /dev/full");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        // Through a link, so that a failure of this test replaces the link and not the device.
        let path = dir.path().join("full");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let error = write_atomic(&path, b"x").unwrap_err();
        assert!(matches!(error, EngineError::DiskFull { .. }), "{error}");
        assert!(is_special(&path));
    }

    #[test]
    fn temporaries_of_a_killed_writer_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        fs::write(temporary_beside(&path), b"half").unwrap();
        fs::write(dir.path().join("stage.json"), b"whole").unwrap();
        sweep_temporaries(&path).unwrap();
        assert_eq!(list(dir.path()).unwrap(), ["stage.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("root")).unwrap();
        let error = list(dir.path()).unwrap_err().to_string();
        assert!(error.contains("`root` is neither a file nor a folder"), "{error}");
    }
}
