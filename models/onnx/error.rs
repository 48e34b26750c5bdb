//! What can go wrong with an ONNX file.

use std::path::PathBuf;

use thiserror::Error;

/// An error of reading or running an ONNX file. Each names the file, and the node where there is
/// one.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// Bytes that are no ONNX, or not all of it.
    #[error("`{}` is no whole ONNX file: {reason}; fetch it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader stumbled over.
        reason: String,
    },
    /// An operator, or a way to use one, that ffrun cannot run.
    #[error(
        "`{}`: node `{node}` ({operator}) cannot be run: {reason}; export the network with other \
         options, or report it",
        path.display()
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Its name, or that of its first output.
        node: String,
        /// Its operator.
        operator: String,
        /// What is not supported.
        reason: String,
    },
    /// A node whose operands do not fit together for this input.
    #[error("`{}`: node `{node}` ({operator}) makes no sense: {reason}", path.display())]
    Misfit {
        /// The file.
        path: PathBuf,
        /// Its name, or that of its first output.
        node: String,
        /// Its operator.
        operator: String,
        /// What does not fit what.
        reason: String,
    },
    /// An input that the network does not take.
    #[error("`{}` takes {expected}, but was given {found}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What it takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An output that the network does not have.
    #[error("`{}` has no output `{name}`; it has {}", path.display(), known.join(", "))]
    NoOutput {
        /// The file.
        path: PathBuf,
        /// The output asked for.
        name: String,
        /// Those it has.
        known: Vec<String>,
    },
}

/// What reading and running ONNX files returns.
pub type OnnxResult<T> = Result<T, OnnxError>;

/// Why a node cannot be prepared; the planner adds where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What is not supported.
    Unsupported(String),
    /// What does not fit what.
    Misfit(String),
}

impl Fault {
    /// Something that is not supported.
    pub(super) fn unsupported<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::Unsupported(reason.into()))
    }

    /// Something that does not fit.
    pub(super) fn misfit<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::Misfit(reason.into()))
    }
}

/// What preparing a node returns.
pub(super) type Prepared<T> = Result<T, Fault>;
