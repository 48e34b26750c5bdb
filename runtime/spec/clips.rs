//! The spec of one video clip of an embedded head.

use serde::{Deserialize, Serialize};

/// A clip: one person in one motion programme. Everything else is drawn from `world` and `take`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipSpec {
    /// `train`, `validation` or `test`; the splits never share an identity.
    pub split: String,
    /// Which person of the split, from 0.
    pub person: usize,
    /// Motion programme: `boxing`, `dancing`, `turning`, `ballet`, `speech` or `expressions`.
    pub family: String,
    /// Frames.
    pub frames: usize,
    /// Frames a second.
    pub fps: f64,
    /// Side of the square frames in pixels.
    pub size_px: usize,
    /// Seed of the world: who the people are.
    pub world: u64,
    /// Which take of this person in this programme: another motion, place, light and clothes.
    pub take: u64,
}
