//! Where a segment begins along one axis of the video's token grid, as data.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{ModelError, ModelResult};

/// A signed position, counted from the video's first token or from behind its last. Written as a
/// number, or as `end`, `end+1`, `end-2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Offset {
    /// Whether it is counted from behind the last token.
    pub from_end: bool,
    /// Tokens from there.
    pub tokens: i64,
}

impl Offset {
    /// Behind the last token.
    pub const END: Self = Self { from_end: true, tokens: 0 };

    /// So many tokens from the first.
    pub const fn at(tokens: i64) -> Self {
        Self { from_end: false, tokens }
    }

    /// The position on an axis of `extent` tokens.
    pub fn position(self, extent: usize) -> i64 {
        if self.from_end { extent as i64 + self.tokens } else { self.tokens }
    }
}

/// What stands in files and scripts.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

impl TryFrom<Written> for Offset {
    type Error = ModelError;

    fn try_from(written: Written) -> ModelResult<Self> {
        match written {
            Written::Number(tokens) => Ok(Self::at(tokens)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Offset> for Written {
    fn from(offset: Offset) -> Self {
        if offset.from_end { Self::Text(offset.to_string()) } else { Self::Number(offset.tokens) }
    }
}

impl FromStr for Offset {
    type Err = ModelError;

    fn from_str(text: &str) -> ModelResult<Self> {
        let (from_end, rest) = match text.strip_prefix("end") {
            Some("") => return Ok(Self::END),
            Some(rest) => (true, rest),
            None => (false, text),
        };
        match rest.parse() {
            Ok(tokens) if !from_end || rest.starts_with(['+', '-']) => {
                Ok(Self { from_end, tokens })
            }
            _ => Err(ModelError::BadSetting {
                setting: "offset",
                got: text.to_owned(),
                expected: "must be a number of tokens, `end`, `end+1` or the like".into(),
            }),
        }
    }
}

impl Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from_end, self.tokens) {
            (false, tokens) => write!(f, "{tokens}"),
            (true, 0) => f.write_str("end"),
            (true, tokens) => write!(f, "end{tokens:+}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Offset;

    #[test]
    fn every_spelling_goes_there_and_back() {
        let positions = [("-1", -1), ("\"end\"", 5), ("\"end+2\"", 7), ("\"end-3\"", 2), ("4", 4)];
        for (json, position) in positions {
            let offset: Offset = serde_json::from_str(json).unwrap();
            assert_eq!(offset.position(5), position);
            assert_eq!(serde_json::to_string(&offset).unwrap(), json);
        }
        for wrong in ["\"W\"", "\"end2\"", "\"\"", "1.5"] {
            assert!(serde_json::from_str::<Offset>(wrong).is_err(), "{wrong}");
        }
        let error = "ende".parse::<Offset>().unwrap_err().to_string();
        assert!(error.starts_with("`offset` is ende, but must be a number of tokens"), "{error}");
    }
}
