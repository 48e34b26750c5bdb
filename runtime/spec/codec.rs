//! The spec of a linear patch codec, fitted on frames of the embedded world.

use serde::{Deserialize, Serialize};

/// Principal components of square patches: the micro generator's stand-in for a video VAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodecSpec {
    /// Side of a patch in pixels: one latent position.
    pub patch_px: usize,
    /// Numbers kept of each patch: channels of the latent.
    pub channels: usize,
    /// How far the channels are brought to one variance: 0 keeps them as they are, 1 gives all the
    /// same.
    pub whiten: f64,
    /// Frames of the clips that it is fitted on.
    pub frames: usize,
}

/// Captions as embeddings, computed once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSpec {
    /// `words`: every word a fixed random vector, no weights; `umt5`: the encoder of a public
    /// checkpoint.
    pub encoder: String,
    /// Width of an embedding.
    pub dim: usize,
    /// Most words of a caption; what is longer is cut and counted.
    pub length: usize,
    /// What guidance pushes away from, in place of the empty caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
}
