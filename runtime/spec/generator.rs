//! The spec of a Wan-VACE generator, of its adapter, and of how it samples.

use serde::{Deserialize, Serialize};

/// Everything that defines a generator before training: a Wan diffusion transformer with its VACE
/// branch over the latents of a codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorSpec {
    /// Token width.
    pub width: usize,
    /// Hidden width of the feed-forward layers.
    pub ffn_width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks.
    pub blocks: usize,
    /// Blocks after which a VACE block's hint is added; one VACE block each.
    pub vace_blocks: Vec<usize>,
    /// Latent positions along the side of one token.
    pub patch: usize,
    /// Size of the timestep's sinusoid.
    pub freq_width: usize,
    /// Whether VACE's control latent also says where in the frame each of its positions lies, one
    /// channel for each. Wan has no such channels; a small network learns sooner with them, since
    /// rotary embeddings tell it distances alone.
    pub position_channels: bool,
}

/// What tuning adds to a frozen generator: low-rank adapters, and the way S comes in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterSpec {
    /// Rank of the adapters; 0 = none.
    pub rank: usize,
    /// α of the adapters: they are scaled by α/rank.
    pub alpha: f64,
    /// Where they sit: any of `self_q`, `self_k`, `self_v`, `self_o`, `cross_q`, `cross_k`,
    /// `cross_v`, `cross_o`, `ffn`.
    pub places: Vec<String>,
    /// Which blocks have them: any of `base`, `vace`.
    pub branches: Vec<String>,
    /// How S enters: `add` (to every noisy token), `token`, `adaln`, `xattn`, or `none`.
    pub injection: String,
    /// Share of clips tuned without S.
    pub shared_dropout: f64,
    /// Whether the generator's loss reaches the aligner. The paper says that each loss serves its
    /// own part, so the default is no.
    pub joint: bool,
}

/// How clips are sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerSpec {
    /// `euler`, `unipc` or `dpmpp_2m`.
    pub method: String,
    /// Steps; each is two passes with guidance.
    pub steps: usize,
    /// Shift of the noise levels.
    pub shift: f64,
    /// Classifier-free guidance: v = v₋ + g·(v₊ − v₋); 1 = none, one pass.
    pub guidance: f64,
    /// What guidance pulls towards: the `text` alone, as VACE does, or `all`, the reference and S
    /// with it.
    pub guides: String,
    /// Factor on VACE's hints.
    pub vace_scale: f64,
    /// Seed of the noise. The noise of a clip depends on it, the person and the prompt alone, so
    /// all settings of an experiment start from the same.
    pub seed: u64,
}
