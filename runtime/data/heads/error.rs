//! What can go wrong when heads are drawn, read or exported.

use std::path::PathBuf;

/// A failure of the embedded world: a bad request, a bad poses file or a file that cannot be
/// written.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    /// The embedded mesh does not hold what the renderer needs. Only a damaged build does this.
    #[error("the embedded head mesh is damaged: {reason}; rebuild ffrun from a clean checkout")]
    Mesh {
        /// What is missing or malformed.
        reason: String,
    },
    /// A field of a spec holds a value that cannot be drawn.
    #[error("`{field}` is {found}, but it must be {wanted}")]
    Spec {
        /// Name of the field.
        field: &'static str,
        /// The value it holds.
        found: String,
        /// What it may hold.
        wanted: &'static str,
    },
    /// A line of a poses file cannot be read.
    #[error("`{file}`, line {line}: {reason}; each line holds yaw,pitch,roll in degrees")]
    Poses {
        /// The file.
        file: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {action} `{path}`: {reason}")]
    File {
        /// `read`, `write` or `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
}
