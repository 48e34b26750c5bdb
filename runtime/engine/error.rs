//! What can go wrong in the engine, in words, and the exit code of each.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::key::Key;

/// A failure of the store, of a stage or of the machinery that runs stages.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Another process is computing the stage.
    #[error("stage `{}` is being computed by another process; try again when it has finished", .key.short())]
    Busy {
        /// The stage.
        key: Key,
    },
    /// What lies in the store does not hold what its record says.
    #[error(
        "stage `{}` is damaged: `{}` {reason}; `ffrun fsck --repair` moves it aside, then it is computed again",
        .key.short(), .path.display()
    )]
    Damaged {
        /// The stage.
        key: Key,
        /// The file or folder that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A stage reads from one that its graph does not hold.
    #[error("stage `{}` reads `{role}` from stage `{}`, which is not in the graph", .key.short(), .input.short())]
    Dangling {
        /// The stage that reads.
        key: Key,
        /// The role in which it reads.
        role: String,
        /// The stage that is absent.
        input: Key,
    },
    /// No space left.
    #[error("no space left on the disk for `{}`; free some (`ffrun gc` helps) and run again: finished stages are kept", .path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The machine cannot run this stage.
    #[error("stage `{}` cannot run on this machine: {message}", .key.short())]
    Environment {
        /// The stage.
        key: Key,
        /// What is lacking and how to get it.
        message: String,
    },
    /// The stage ran and failed.
    #[error("stage `{}` failed: {message}", .key.short())]
    Failed {
        /// The stage.
        key: Key,
        /// Why.
        message: String,
    },
    /// The stage was asked to stop. Its checkpoint is kept.
    #[error("stage `{}` was interrupted; run again to continue it", .key.short())]
    Interrupted {
        /// The stage.
        key: Key,
    },
    /// Reading or writing failed for another reason.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A worker process could not be started or spoken to.
    #[error("cannot start the worker `{}`: {source}; check that the file exists and may be executed", .exe.display())]
    Launch {
        /// The program.
        exe: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An input of the stage has no result yet.
    #[error("stage `{}` reads `{role}` from stage `{}`, which has no result yet; run that one first", .key.short(), .input.short())]
    MissingInput {
        /// The stage that reads.
        key: Key,
        /// The role in which it reads.
        role: String,
        /// The stage to run first.
        input: Key,
    },
    /// The user may not write or read here.
    #[error("no permission for `{}`; change its owner or mode, or name another folder", .path.display())]
    Permission {
        /// Where.
        path: PathBuf,
    },
    /// The file system is mounted read-only.
    #[error("`{}` lies on a read-only file system; name another folder", .path.display())]
    ReadOnly {
        /// Where.
        path: PathBuf,
    },
    /// The stage asks to be tried later.
    #[error("stage `{}` could not run now: {message}; try again", .key.short())]
    TryAgain {
        /// The stage.
        key: Key,
        /// Why.
        message: String,
    },
    /// No stage of this key was ever frozen in this store.
    #[error("stage `{key}` is not in the store `{}`; `ffrun plan` lists the keys of an experiment", .root.display())]
    UnknownStage {
        /// The key asked for.
        key: Key,
        /// The store.
        root: PathBuf,
    },
}

impl EngineError {
    /// The error for a failed read or write, the common causes told apart.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied => Self::Permission { path },
            _ => Self::Io { action, path, source },
        }
    }

    /// The process exit code that reports this error (see ARCHITECTURE.md, "Command line").
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Dangling { .. } | Self::Failed { .. } | Self::Io { .. } => 1,
            Self::UnknownStage { .. } => 2,
            Self::Damaged { .. } => 5,
            Self::DiskFull { .. }
            | Self::Environment { .. }
            | Self::Launch { .. }
            | Self::Permission { .. }
            | Self::ReadOnly { .. } => 6,
            Self::Busy { .. } | Self::MissingInput { .. } | Self::TryAgain { .. } => 75,
            Self::Interrupted { .. } => 130,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_causes_are_told_apart_and_name_the_path() {
        let says = |os_code: i32| {
            let error = io::Error::from_raw_os_error(os_code);
            let error = EngineError::io("write", Path::new("store/a"), error);
            (error.exit_code(), error.to_string())
        };
        // ENOSPC, EROFS, EACCES, ENOTDIR on Linux.
        let full = "no space left on the disk for `store/a`; free some (`ffrun gc` helps) and run again: finished stages are kept";
        assert_eq!(says(28), (6, full.to_owned()));
        let read_only = "`store/a` lies on a read-only file system; name another folder";
        assert_eq!(says(30), (6, read_only.to_owned()));
        let denied =
            "no permission for `store/a`; change its owner or mode, or name another folder";
        assert_eq!(says(13), (6, denied.to_owned()));
        assert_eq!(
            says(20),
            (1, "cannot write `store/a`: Not a directory (os error 20)".to_owned())
        );
    }
}
