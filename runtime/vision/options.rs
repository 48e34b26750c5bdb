//! How faces are looked for: the constants of the field's script, each open to change.

use serde::{Deserialize, Serialize};

use super::error::{VisionError, VisionResult};

/// Which of several faces counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The one with the largest box, as in the field's scripts.
    #[default]
    Largest,
    /// The one most like the reference, by the first recogniser; the largest without a reference.
    BestMatch,
}

/// How faces are looked for. The defaults are those of the field's scripts (ConsisID, OpenS2V).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Side of the square that a frame is fitted into for detection, in pixels; a multiple of 32.
    pub detection_px: usize,
    /// Least confidence of a face, 0 to 1.
    pub threshold: f32,
    /// Overlap (intersection over union) beyond which the less sure of two boxes goes.
    pub overlap: f32,
    /// Share of its size that is added on every side of a frame without a face, for a second
    /// look; 0 for none.
    pub padding: f32,
    /// Which of several faces counts.
    pub choice: Choice,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            detection_px: 320,
            threshold: 0.5,
            overlap: 0.4,
            padding: 0.25,
            choice: Choice::Largest,
        }
    }
}

impl Options {
    /// Fails on values that nothing can be found with.
    pub(super) fn check(&self) -> VisionResult<()> {
        const MOST_PX: usize = 4096;
        let refused = |option, got: String, expected| VisionError::Option { option, got, expected };
        let side = self.detection_px;
        if side == 0 || !side.is_multiple_of(32) || side > MOST_PX {
            let expected = "a multiple of 32 up to 4096";
            return Err(refused("detection_px", side.to_string(), expected));
        }
        for (option, share) in [("threshold", self.threshold), ("overlap", self.overlap)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(refused(option, share.to_string(), "between 0 and 1"));
            }
        }
        if !(0.0..=1.0).contains(&self.padding) {
            return Err(refused("padding", self.padding.to_string(), "between 0 and 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn values_out_of_range_are_named() {
        assert!(Options::default().check().is_ok());
        let said = |options: Options| options.check().expect_err("refused").to_string();
        let odd = Options { detection_px: 100, ..Options::default() };
        assert_eq!(said(odd), "`detection_px` is 100, but it must be a multiple of 32 up to 4096");
        let unsure = Options { threshold: f32::NAN, ..Options::default() };
        assert_eq!(said(unsure), "`threshold` is NaN, but it must be between 0 and 1");
    }
}
