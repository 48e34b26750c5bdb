//! Splits: which person numbers belong to training, validation and test.

use super::error::HeadsError;

/// A share of the people of a world. No number belongs to two splits, so nobody who tests was
/// ever trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// People every network may learn from.
    Train,
    /// People for choosing settings.
    Validation,
    /// People no network has seen, evaluators included.
    Test,
}

/// People a split can hold.
pub(crate) const SPLIT_SIZE: u64 = 1_000_000;

impl Split {
    /// The split of this name.
    pub fn parse(name: &str) -> Result<Self, HeadsError> {
        match name {
            "train" => Ok(Self::Train),
            "validation" => Ok(Self::Validation),
            "test" => Ok(Self::Test),
            other => Err(HeadsError::Spec {
                field: "split",
                found: format!("`{other}`"),
                wanted: "`train`, `validation` or `test`",
            }),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// World-wide number of the split's person `index`: 0…, 1 000 000…, 2 000 000….
    pub fn person(self, index: usize) -> Result<u64, HeadsError> {
        let index = index as u64;
        if index >= SPLIT_SIZE {
            return Err(HeadsError::Spec {
                field: "identities",
                found: format!("{}", index + 1),
                wanted: "at most 1000000 people in a split",
            });
        }
        let first = match self {
            Self::Train => 0,
            Self::Validation => SPLIT_SIZE,
            Self::Test => 2 * SPLIT_SIZE,
        };
        Ok(first + index)
    }

    /// Name of the split's person `index`, e.g. `train-00012`.
    pub fn identity(self, index: usize) -> String {
        format!("{}-{index:05}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{SPLIT_SIZE, Split};

    #[test]
    fn splits_never_meet() {
        let last = SPLIT_SIZE as usize - 1;
        let ends = [Split::Train, Split::Validation, Split::Test].map(|split| {
            (split.person(0).expect("the first"), split.person(last).expect("the last"))
        });
        assert!(ends.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ends:?}");
        assert!(Split::Train.person(last + 1).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for split in [Split::Train, Split::Validation, Split::Test] {
            assert_eq!(Split::parse(split.name()).ok(), Some(split));
        }
        let error = Split::parse("tests").expect_err("no such split").to_string();
        assert_eq!(error, "`split` is `tests`, but it must be `train`, `validation` or `test`");
    }
}
