//! What can go wrong on the way from files of networks to what they see.

use std::path::PathBuf;

use ffrun_models::{error::ModelError, onnx::OnnxError, weights::WeightError};
use thiserror::Error;

/// An error of reading faces. Each names the file or network, what is wrong, and what to do.
#[derive(Debug, Error)]
pub enum VisionError {
    /// A card that is not written as cards are.
    #[error("the card {card} is not valid: {reason}")]
    Card {
        /// Path of the card, or its name if it is built in.
        card: String,
        /// What the reader stumbled over.
        reason: String,
    },
    /// Two cards of one name.
    #[error("two cards are named `{name}`: {first} and {second}; rename one")]
    CardTwice {
        /// The name.
        name: String,
        /// Where one is.
        first: String,
        /// Where the other is.
        second: String,
    },
    /// A name that no card has.
    #[error("no card is named `{name}`; `ffrun weights list` shows those there are")]
    UnknownNetwork {
        /// The name.
        name: String,
    },
    /// A network whose file is not on the shelf.
    #[error(
        "`{name}` is not there: {}; get `{file}` from {source_address} and put it there, or \
         name its folder in FFRUN_WEIGHTS",
        place(folder.as_deref())
    )]
    Absent {
        /// Name of the card.
        name: String,
        /// Name of the file.
        file: String,
        /// Where it comes from.
        source_address: String,
        /// Where it was looked for.
        folder: Option<PathBuf>,
    },
    /// Nothing of a kind that is needed.
    #[error("no {role} is on the shelf: {}; `ffrun weights list` says which can be", place(folder.as_deref()))]
    NoneOf {
        /// What is needed.
        role: &'static str,
        /// Where it was looked for.
        folder: Option<PathBuf>,
    },
    /// More networks of a kind than can be used at once.
    #[error("`{first}` and `{second}` are both a {role}; name one of them")]
    TwoOf {
        /// What both are.
        role: &'static str,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// A file that cannot be opened or read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A network whose outputs are not those of its kind.
    #[error("`{}` is no {expected}: {reason}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// What its card says it is.
        expected: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// An option out of its range.
    #[error("`{option}` is {got}, but it must be {expected}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What it was given.
        got: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An ONNX file that cannot be run.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A file of weights that cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// A failure of a network or of a picture.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<candle_core::Error> for VisionError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}

/// What reading faces returns.
pub type VisionResult<T> = Result<T, VisionError>;

fn place(folder: Option<&std::path::Path>) -> String {
    folder.map_or_else(
        || "no folder of weights is set".to_owned(),
        |folder| format!("`{}` was searched", folder.display()),
    )
}
