//! The specs of sifting footage for clips in which a head turns (paper §3.4, Eq. 8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Clips of the embedded world as a pose estimator sees them: tracks of Euler angles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FootageSpec {
    /// `train`, `validation` or `test`: whose clips are sifted.
    pub split: String,
    /// People.
    pub identities: usize,
    /// Motion programmes, one clip of each person in each.
    pub families: Vec<String>,
    /// |yaw| in degrees of heads that do not move, one clip of each person at each.
    pub still_yaw_deg: Vec<f64>,
    /// Frames of a clip.
    pub frames: usize,
    /// Frames a second.
    pub fps: f64,
    /// Seed of the world: who the people are and what they do.
    pub world: u64,
    /// Error of the pose estimator: root mean square of the angle between what it says and what is,
    /// in degrees, independent from frame to frame.
    pub error_deg: f64,
    /// Largest angle in degrees between nose and camera at which a face is found at all.
    pub seen_deg: f64,
}

/// A filter on tracks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterSpec {
    /// How much a head turns: `range` (Eq. 8) or `geodesic` (95th percentile of the rotation angles
    /// between all pairs of frames).
    pub measure: String,
    /// Clips above it are kept: `printed` (120°, for `range`) or `calibrated` on labelled clips of
    /// other people, where it is as right about clips that qualify as about those that do not.
    pub threshold: String,
    /// Labelled clips of the training split that a threshold is calibrated on.
    pub labelled: usize,
}

/// A filter on footage, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiftSpec {
    /// Metric → version, so that a changed definition is a new measurement.
    pub metrics: BTreeMap<String, u32>,
    /// What is sifted.
    pub footage: FootageSpec,
    /// By what.
    pub filter: FilterSpec,
    /// Seed of the takes and of the estimator's errors.
    pub seed: u64,
}
