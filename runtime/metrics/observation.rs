//! What networks saw in the sampled frames of a clip: all that a video metric reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::movement::Side;

/// A clip of one person, and all that was seen of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClipSeen {
    /// Who the clip should show. Intervals are clustered by it.
    pub identity: String,
    /// The face of the reference picture; nothing when none was found, padded retry included.
    pub reference: Option<FaceSeen>,
    /// The frames that faces are looked for in, in order. One that the rules sample twice is there
    /// twice.
    pub frames: Vec<FrameSeen>,
    /// The frames that are compared with the prompt where the rules sample others for it; empty
    /// where they are the same.
    pub text_frames: Vec<FrameSeen>,
    /// Pitch, yaw and roll in degrees that were asked of each of `frames`; empty where none were.
    pub asked_deg: Vec<[f64; 3]>,
    /// The side that the head was asked to turn to, where no angles were.
    pub asked_side: Option<Side>,
}

/// What was seen in one sampled frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameSeen {
    /// Place of the frame in its clip, from 0.
    pub frame: usize,
    /// Why the frame could not be read, where it could not.
    pub unread: Option<String>,
    /// The face that counts (the largest); nothing when none was found, padded retry included.
    pub face: Option<FaceSeen>,
    /// 100·cos of the frame with the clip's prompt, frame in RGB.
    pub clip_score: Option<f64>,
    /// The same of the frame with red and blue exchanged, as the field's script feeds it.
    pub clip_score_bgr: Option<f64>,
}

/// What was seen of one face.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaceSeen {
    /// Left, top, right, bottom in pixels of the frame.
    pub box_px: [f32; 4],
    /// The detector's confidence, 0 to 1.
    pub confidence: f32,
    /// How many faces the frame holds, this one included.
    pub faces: usize,
    /// Whether the face was found only after the frame was padded.
    pub padded: bool,
    /// Unit vectors, by the name of the recogniser's weights.
    pub embeddings: BTreeMap<String, Vec<f32>>,
    /// Pitch, yaw and roll in degrees, signs and order as everywhere in ffrun.
    pub pitch_yaw_roll_deg: Option<[f64; 3]>,
    /// Pooled Inception features of the aligned face.
    pub features: Option<Vec<f32>>,
}
