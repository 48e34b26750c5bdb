//! What can be wrong with a list of clips.

use std::path::PathBuf;

use thiserror::Error;

/// A list that cannot be used. Lines are counted from 1, the header included.
#[derive(Debug, Error)]
pub enum ListError {
    /// A line that is no CSV.
    #[error("line {line} of `{}` is not readable: {reason}", .path.display())]
    Broken {
        /// The list.
        path: PathBuf,
        /// Where.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A cell that holds something else than its column is for.
    #[error(
        "line {line}, column `{column}` of `{}` holds `{cell}`; it takes {wanted}",
        .path.display()
    )]
    Cell {
        /// The list.
        path: PathBuf,
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What it holds.
        cell: String,
        /// What it may hold.
        wanted: &'static str,
    },
    /// A header without a column that is needed.
    #[error(
        "`{}` has no column `{column}`; its header must name method, identity, video, reference and, \
         where prompts are to be compared, prompt; it names {found}",
        .path.display()
    )]
    Column {
        /// The list.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The columns there are.
        found: String,
    },
    /// Two columns of one name.
    #[error("`{}` has the column `{column}` twice; remove or rename one", .path.display())]
    ColumnTwice {
        /// The list.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// One clip of a method listed twice.
    #[error(
        "line {line} of `{}` lists the clip `{video}` of method `{method}` again, after line {first}; \
         remove one: it would count twice",
        .path.display()
    )]
    Duplicate {
        /// The list.
        path: PathBuf,
        /// Where.
        line: u64,
        /// The line before it.
        first: u64,
        /// The method.
        method: String,
        /// The clip.
        video: String,
    },
    /// A cell that must not be empty.
    #[error("line {line}, column `{column}` of `{}` is empty", .path.display())]
    EmptyCell {
        /// The list.
        path: PathBuf,
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
    },
    /// One of two columns that belong together.
    #[error("`{}` has the column `{column}` and no `{other}`; give both or neither", .path.display())]
    Half {
        /// The list.
        path: PathBuf,
        /// The one that is there.
        column: &'static str,
        /// The one that is not.
        other: &'static str,
    },
    /// No line after the header.
    #[error("`{}` lists no clip", .path.display())]
    NoClips {
        /// The list.
        path: PathBuf,
    },
    /// A line with a side and with angles.
    #[error(
        "line {line} of `{}` asks for a `turn` and for angles; leave one of the two empty",
        .path.display()
    )]
    TwoMovements {
        /// The list.
        path: PathBuf,
        /// Where.
        line: u64,
    },
    /// The list cannot be opened.
    #[error("cannot read `{}`: {source}", .path.display())]
    Unreadable {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
