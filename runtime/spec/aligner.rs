//! The spec of a pose-shared identity aligner (paper §3.3, Eq. 3–4).

use serde::{Deserialize, Serialize};

use super::Choice;

/// Everything that defines an aligner before training. Flat, so that a script changes one thing
/// by name: `aligner::paper().but(#{ elements: 8192 })`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignerSpec {
    /// Face tokenizer: `vit`.
    pub tokenizer: String,
    /// Side of the square face crop in pixels.
    pub image_px: usize,
    /// Side of a patch in pixels; `image_px` must be a multiple of it. L = (image_px/patch_px)².
    pub patch_px: usize,
    /// Token width D.
    pub width: usize,
    /// Transformer blocks of the tokenizer.
    pub depth: usize,
    /// Attention heads of the tokenizer.
    pub heads: usize,
    /// Hidden width of the tokenizer's MLPs over D.
    pub mlp_ratio: usize,
    /// Euler-angle embedding added to every token: `timestep`, `fourier`, `rot6d` or `none`.
    pub euler: String,
    /// What makes S of the tokens: `dictionary` (Eq. 3–4), or `mlp`, two layers with as many weights
    /// as the dictionary would have, pooled alike; written only where it is not `dictionary`, so that
    /// older keys stay.
    #[serde(default = "dictionary", skip_serializing_if = "is_dictionary")]
    pub mixer: String,
    /// Dictionary elements C.
    pub elements: usize,
    /// Pooling over tokens of the correlations (Table 4): `max`, `mean`, `sum`, or a closure
    /// `|correlations_blc| weights_bc`.
    pub pool: Choice,
    /// Normaliser of the dictionary weights: `none`, `softmax`, `sparsemax`, or a closure
    /// `|weights_bc| weights_bc`.
    pub normalizer: Choice,
    /// Factor on the correlations before the normaliser: `one` or `rsqrt_width` (1/√D).
    pub scale: String,
    /// Temperature that divides the weights before the normaliser, at step 0.
    pub temperature: f64,
    /// Factor on the temperature per step (1 = constant).
    pub temperature_decay: f64,
    /// Lowest temperature.
    pub temperature_floor: f64,
    /// Standard deviation of the dictionary at the start.
    pub dictionary_std: f64,
    /// Normalisation of S where it leaves the aligner: `l2`, `rms` or `none`. The loss takes
    /// cosines and does not see it.
    pub output_norm: String,
}

fn dictionary() -> String {
    "dictionary".to_owned()
}

fn is_dictionary(mixer: &str) -> bool {
    mixer == "dictionary"
}
