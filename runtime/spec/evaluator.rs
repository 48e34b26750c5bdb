//! The spec of an in-world evaluator: its network, its loss and how it is trained.

use serde::{Deserialize, Serialize};

/// A small network that measures frames of the embedded heads. Flat, so that a script changes one
/// thing by name: `evaluators::arcface().but(#{ margin: 0.3 })`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorSpec {
    /// What it measures: `arcface` or `curricularface` (whose face it is, by that loss), `pose`
    /// (rotation of the head, and whether a face is seen) or `captions` (fit of frame and text).
    pub measures: String,
    /// Side of the frames in pixels.
    pub image_px: usize,
    /// Side of a patch in pixels; `image_px` must be a multiple of it.
    pub patch_px: usize,
    /// Token width.
    pub width: usize,
    /// Transformer blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden width of the MLPs over `width`.
    pub mlp_ratio: usize,
    /// Width of the vectors that are compared; `pose` has none.
    pub embedding: usize,
    /// Scale s of the cosines in an angular margin loss.
    pub scale: f64,
    /// Additive angular margin m, radians, of an angular margin loss.
    pub margin: f64,
    /// Steps over which the margin grows from 0 to m.
    pub margin_warmup: u64,
    /// Factor on the learning rate of the people's directions in an angular margin loss.
    pub classes_lr: f64,
    /// Hidden width of the text tower of `captions`.
    pub text_hidden: usize,
    /// Share of the face that must be seen for a frame to count as one with a face.
    pub least_visible: f64,
    /// Largest shift of a training frame in pixels.
    pub shift_px: usize,
    /// Share of training frames that are blurred, as a generator's codec blurs.
    pub blur: f64,
    /// Share of training frames that get the surroundings of another person's frame.
    #[serde(default)] // 0 in the files of evaluators that were trained before it was there
    pub swapped: f64,
    /// Optimiser steps.
    pub steps: u64,
    /// People per step.
    pub people: usize,
    /// Frames of each person per step.
    pub frames_each: usize,
    /// Peak learning rate of Muon, which moves the matrices inside the blocks; 0 = AdamW moves them.
    pub muon_lr: f64,
    /// Peak learning rate of AdamW, which moves the rest.
    pub lr: f64,
    /// Steps of linear warm-up, before a cosine.
    pub warmup: u64,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// AdamW β1.
    pub beta1: f64,
    /// AdamW β2.
    pub beta2: f64,
    /// Largest global gradient norm; 0 = no clipping.
    pub clip: f64,
    /// Decay of the exponential moving average of the weights; 0 = none.
    pub ema: f64,
    /// Steps between two points of the training curves.
    pub log_every: u64,
}

/// A training of an evaluator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorTraining {
    /// The evaluator.
    pub evaluator: EvaluatorSpec,
    /// Seed of initial weights and of batches.
    pub seed: u64,
}

/// How an evaluator is measured on people it has never seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValiditySpec {
    /// Metric → version, so that a changed definition is a new measurement.
    pub metrics: std::collections::BTreeMap<String, u32>,
}
