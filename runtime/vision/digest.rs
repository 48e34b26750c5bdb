//! Digests of files, read piece by piece.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::{VisionError, VisionResult};

/// The BLAKE3 digest of a file, in hexadecimal.
pub(super) fn blake3_of(path: &Path) -> VisionResult<String> {
    let mut hasher = blake3::Hasher::new();
    each_piece(path, |piece| _ = hasher.update(piece))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The SHA-256 digest of a file, in hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_of(path: &Path) -> VisionResult<String> {
    let mut hasher = Sha256::new();
    each_piece(path, |piece| hasher.update(piece))?;
    let mut digits = String::new();
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits)
}

fn each_piece(path: &Path, mut take: impl FnMut(&[u8])) -> VisionResult<()> {
    let unreadable = |source| VisionError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{blake3_of, sha256_of};

    #[test]
    fn digests_are_the_published_ones() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "abc").unwrap();
        // FIPS 180-4's example, and BLAKE3's of the same text.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(file.path()).unwrap(), sha256);
        assert_eq!(blake3_of(file.path()).unwrap(), blake3::hash(b"abc").to_hex().to_string());
        assert!(sha256_of(std::path::Path::new("no such file")).is_err());
    }
}
