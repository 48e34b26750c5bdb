//! The spec of a set of face stills from the embedded heads.

use serde::{Deserialize, Serialize};

use super::is_zero;

/// Still images of heads, rendered with their identities and exact angles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FacesSpec {
    /// `train`, `validation` or `test`; the splits never share an identity.
    pub split: String,
    /// People.
    pub identities: usize,
    /// Stills of each person.
    pub views: usize,
    /// Side of the square image in pixels.
    pub size_px: usize,
    /// Seed of the world: who the people are and how they are seen.
    pub world: u64,
    /// Largest |yaw| in degrees.
    pub yaw_deg: f64,
    /// Least |yaw| in degrees; written only where it is not 0, so that older keys stay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub yaw_least_deg: f64,
    /// Largest |pitch| in degrees.
    pub pitch_deg: f64,
    /// Largest |roll| in degrees.
    pub roll_deg: f64,
    /// Strength of expressions, 0 = neutral faces.
    pub expression: f64,
    /// Probability that something covers part of the face.
    pub occlusion: f64,
    /// Light, background and clothes: `per_person` (as the frames of one clip share them) or
    /// `per_view` (nothing but the person is shared by two views).
    pub surroundings: String,
    /// Views on a fixed grid of poses instead of random ones, for measurement.
    pub pose_grid: bool,
}
