//! What can go wrong with a file of weights.

use std::path::PathBuf;

use thiserror::Error;

use super::KeyReport;

/// An error of reading or writing weights. Each names the file, what is wrong, and what to do.
#[derive(Debug, Error)]
pub enum WeightError {
    /// A pickle that refers to something other than tensors. Nothing of it was executed: ffrun has
    /// nothing that could.
    #[error(
        "`{}` refers to `{name}`, which no file of plain weights does: it may run code where it is \
         unpickled. Do not use it; get the weights as safetensors",
        path.display()
    )]
    Code {
        /// The file.
        path: PathBuf,
        /// The Python object referred to.
        name: String,
    },
    /// A file that is not what its beginning promises.
    #[error("`{}` is damaged: {reason}; fetch it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader stumbled over.
        reason: String,
    },
    /// The same tensor twice.
    #[error(
        "tensor `{key}` is in `{}` and again in `{}`; keep one set of shards",
        first.display(),
        second.display()
    )]
    DuplicateKey {
        /// The tensor.
        key: String,
        /// A file that has it.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// A file without a byte, or without a tensor.
    #[error("`{}` holds no tensors; fetch it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Weights that do not belong to the network.
    #[error("the weights in `{}` do not fit the network: {report}", path.display())]
    Keys {
        /// File or folder.
        path: PathBuf,
        /// What differs.
        report: Box<KeyReport>,
    },
    /// A LoRA file that makes no sense.
    #[error("`{}`: {reason}", path.display())]
    Lora {
        /// The file.
        path: PathBuf,
        /// What is wrong with which key, and what would be right.
        reason: String,
    },
    /// A shard that is named but not there.
    #[error("`{}` is missing: {reason}", path.display())]
    MissingShard {
        /// The file that should be there.
        path: PathBuf,
        /// Who says so, and what to do.
        reason: String,
    },
    /// Not a number, or infinite.
    #[error(
        "tensor `{key}` in `{}` has {count} values that are not finite, the first at {place}; \
         training it diverged, or the file is damaged",
        path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        key: String,
        /// How many of its values.
        count: usize,
        /// Flat index of the first.
        place: usize,
    },
    /// A file that holds something else.
    #[error("`{}` is no file of weights: {reason}", path.display())]
    NotWeights {
        /// The file.
        path: PathBuf,
        /// What it is instead, and what to do.
        reason: String,
    },
    /// A failure of tensor arithmetic or memory.
    #[error("{}", first_line(.0))]
    Tensor(#[from] candle_core::Error),
    /// A file shorter than its own table of contents says.
    #[error(
        "`{}` is cut short: {expected} bytes announced, {found} there; fetch it again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes announced.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// A file that cannot be opened or read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A tensor of a type or layout that is not read.
    #[error("tensor `{key}` in `{}` {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The tensor.
        key: String,
        /// What it is, as the end of a sentence, and what to do.
        reason: String,
    },
}

/// What reading and writing weights returns.
pub type WeightResult<T> = Result<T, WeightError>;

/// candle appends a backtrace to its messages when `RUST_BACKTRACE` is set; a user wants the fact.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
