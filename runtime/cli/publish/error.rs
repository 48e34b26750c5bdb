//! Why a run is not published.

use std::path::PathBuf;

use thiserror::Error;

use crate::cli::exit::Exit;

/// A record that is refused.
#[derive(Debug, Error)]
pub(super) enum PublishError {
    /// Trials are missing.
    #[error(
        "`{experiment}` has {finished} of {planned} trials measured; `{command}` measures the rest"
    )]
    Incomplete {
        /// The experiment.
        experiment: String,
        /// Trials measured.
        finished: usize,
        /// Trials declared.
        planned: usize,
        /// What runs it.
        command: String,
    },
    /// A smoke test says nothing about the question.
    #[error(
        "a run at scale `smoke` only shows that a script works; publish one at `tiny` or larger"
    )]
    Smoke,
    /// The commit in the record would not be the code that ran.
    #[error("{} not committed: {}; commit first, or say so in the record with `--allow-dirty`",
        if files.len() == 1 { "one file is" } else { "files are" }, listed(files))]
    Dirty {
        /// Files that differ.
        files: Vec<String>,
    },
    /// Nobody can say whether the commit is the code that ran.
    #[error("cannot tell whether the checkout is clean: {reason}; publish with `--allow-dirty`")]
    Unknown {
        /// What git said.
        reason: String,
    },
    /// The folder holds something else.
    #[error("`{}` exists and is no record of `{experiment}`; move it away, or name another folder with `--to`",
        path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
        /// The experiment.
        experiment: String,
    },
}

impl From<PublishError> for Exit {
    fn from(error: PublishError) -> Self {
        let code = match error {
            PublishError::Incomplete { .. } => 75,
            _ => 2,
        };
        Self::Plain { message: error.to_string(), code }
    }
}

/// At most so many files are named.
const NAMED: usize = 5;

fn listed(files: &[String]) -> String {
    let named = files.iter().take(NAMED).map(|file| format!("`{file}`"));
    let text = named.collect::<Vec<_>>().join(", ");
    match files.len().saturating_sub(NAMED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::PublishError;
    use crate::cli::exit::Exit;

    #[test]
    fn refusals_say_what_to_do() {
        let files = (0..7).map(|place| format!("{place}.rs")).collect();
        let dirty = PublishError::Dirty { files };
        let text = dirty.to_string();
        assert!(text.starts_with("files are not committed: `0.rs`,"), "{text}");
        assert!(text.contains("`4.rs` and 2 more; commit first"), "{text}");
        assert_eq!(Exit::from(dirty).code(), 2);
        let incomplete = PublishError::Incomplete {
            experiment: "main".into(),
            finished: 2,
            planned: 9,
            command: "ffrun main.rhai".into(),
        };
        assert_eq!(
            incomplete.to_string(),
            "`main` has 2 of 9 trials measured; `ffrun main.rhai` measures the rest"
        );
        assert_eq!(Exit::from(incomplete).code(), 75);
    }
}
