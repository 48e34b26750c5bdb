//! The spec of a set of clips of the embedded heads, each with a reference picture of its person.

use serde::{Deserialize, Serialize};

use super::is_zero;

/// Clips with captions, exact poses and references: what a generator is trained and tested on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipsetSpec {
    /// `train`, `validation` or `test`; the splits never share an identity.
    pub split: String,
    /// People.
    pub identities: usize,
    /// Clips of each person. Clip j of person i is of the family (i + j) modulo their number, so
    /// that six clips show a person in every family.
    pub clips_each: usize,
    /// Motion programmes: `boxing`, `dancing`, `turning`, `ballet`, `speech`, `expressions`.
    pub families: Vec<String>,
    /// Frames of a clip.
    pub frames: usize,
    /// Frames a second.
    pub fps: f64,
    /// Side of the square frames and references in pixels.
    pub size_px: usize,
    /// Seed of the world: who the people are and what they do.
    pub world: u64,
    /// Largest |yaw| of a reference in degrees. The reference is another take: other light, other
    /// clothes, another place, so that nothing but the person can be copied.
    pub reference_yaw_deg: f64,
    /// Least |yaw| of a reference in degrees, for references that are not frontal; written only where
    /// it is not 0, so that older keys stay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reference_yaw_least_deg: f64,
    /// Largest |pitch| of a reference in degrees.
    pub reference_pitch_deg: f64,
    /// Largest |roll| of a reference in degrees.
    pub reference_roll_deg: f64,
    /// Strength of the expression on a reference, 0 = neutral.
    pub reference_expression: f64,
}

impl ClipsetSpec {
    /// Number of clips.
    pub fn clips(&self) -> usize {
        self.identities * self.clips_each
    }
}
