//! The spec of a public checkpoint: the sizes of its networks, as its files state them.
//!
//! Which files they are is told by their digests in the stage; where they lie is no part of a key.

use serde::{Deserialize, Serialize};

/// Wan2.1-VACE as its authors or diffusers publish it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointSpec {
    /// Type that matrices of transformer and text encoder are kept and multiplied in: `f32`, `bf16`
    /// or `f16`.
    pub dtype: String,
    /// The diffusion transformer.
    pub transformer: TransformerSizes,
    /// The video autoencoder.
    pub autoencoder: AutoencoderSizes,
    /// The text encoder.
    pub text: TextEncoderSizes,
}

/// The sizes of a Wan transformer with its VACE branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerSizes {
    /// Token width.
    pub width: usize,
    /// Hidden width of the feed-forward layers.
    pub ffn_width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks.
    pub blocks: usize,
    /// Channels of the latent.
    pub channels: usize,
    /// Latent frames, rows and columns of a token.
    pub patch: [usize; 3],
    /// Width of the text encoder's rows.
    pub text_width: usize,
    /// Rows that a text is filled up to with zeros.
    pub text_length: usize,
    /// Size of the timestep's sinusoid.
    pub freq_width: usize,
    /// ε of the norms.
    pub eps: f32,
    /// Blocks after which a VACE block's hint is added; one VACE block each.
    pub vace_blocks: Vec<usize>,
    /// Channels of VACE's control latent.
    pub vace_channels: usize,
}

/// The sizes of a Wan autoencoder, and the statistics of its latent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderSizes {
    /// Channels at full resolution.
    pub base_width: usize,
    /// Channels of the latent.
    pub channels: usize,
    /// Channels of each level over `base_width`, finest first.
    pub multipliers: Vec<usize>,
    /// Residual blocks of an encoder level.
    pub res_blocks: usize,
    /// Whether the step from each level to the next also halves time.
    pub halves_time: Vec<bool>,
    /// Mean of each latent channel.
    pub mean: Vec<f32>,
    /// Standard deviation of each latent channel.
    pub std: Vec<f32>,
}

/// The sizes of a UMT5 encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextEncoderSizes {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Width of a row.
    pub width: usize,
    /// Blocks.
    pub blocks: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Hidden width of the feed-forward layers.
    pub ffn_width: usize,
    /// Buckets of relative positions.
    pub buckets: usize,
    /// Distance from which on all tokens share a bucket.
    pub max_distance: usize,
    /// ε of the norms.
    pub eps: f32,
}
