//! The lines that a worker process writes to its parent: one JSON object each.

use serde::{Deserialize, Serialize};

use super::{launch::Launched, work::Progress};

/// One line of a worker's standard output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "worker", rename_all = "snake_case")]
pub(super) enum Line {
    /// How far it is.
    Progress(Progress),
    /// The result is in the store.
    Done { seconds: f64, cached: bool },
    /// Another process computes the stage.
    Busy,
    /// It ended without a result.
    Failed { code: u8, message: String },
}

impl Line {
    pub(super) fn text(&self) -> String {
        // Strings and finite numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `None` for a line that is none of ours: a native library may print what it likes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How the stage ended, `None` for progress.
    pub(super) fn end(self) -> Option<Launched> {
        match self {
            Self::Progress(_) => None,
            Self::Done { seconds, cached } => Some(Launched::Done { seconds, cached }),
            Self::Busy => Some(Launched::Busy),
            Self::Failed { code, message } => Some(Launched::Failed { code, message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were() {
        let progress = Progress { done: 3, total: 9, note: "loss 1.2".into() };
        for line in [
            Line::Progress(progress),
            Line::Done { seconds: 0.25, cached: false },
            Line::Busy,
            Line::Failed { code: 6, message: "two\nlines".into() },
        ] {
            assert!(!line.text().contains('\n'));
            assert_eq!(Line::parse(&line.text()), Some(line));
        }
        assert_eq!(Line::parse("warning: something else"), None);
    }
}
