//! The spec of a training: batches, optimiser, length.

use serde::{Deserialize, Serialize};

use super::Choice;

/// How an aligner is trained. Checkpoint intervals are no part of it: they change no number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Optimiser steps.
    pub steps: u64,
    /// Matched pairs n per step (Eq. 5).
    pub pairs: usize,
    /// Pairs whose graph is held at a time; fewer than `pairs` turns on gradient caching.
    pub chunk: usize,
    /// Smallest rotation between the two faces of a pair, in degrees.
    pub min_gap_deg: f64,
    /// Peak learning rate.
    pub lr: f64,
    /// Learning-rate schedule after warm-up: `constant`, `cosine`, or a closure
    /// `|progress| factor` with progress in [0, 1].
    pub lr_schedule: Choice,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Decoupled weight decay of matrices; biases, norms and the logit scale have none.
    pub weight_decay: f64,
    /// AdamW β1.
    pub beta1: f64,
    /// AdamW β2.
    pub beta2: f64,
    /// Largest global gradient norm; 0 = no clipping.
    pub clip: f64,
    /// Decay of the exponential moving average of the weights; 0 = none. With an average, it is
    /// what the training returns.
    pub ema: f64,
    /// Start of the learnable logit scale, ln(1/τ). Clamped at ln 100.
    pub logit_scale: f64,
    /// Mask pairs of the same identity out of the negatives.
    pub mask_same_identity: bool,
    /// Extra loss added to L_PIA: `none` or a closure
    /// `|s1_nd, s2_nd, w1_nc, w2_nc| scalar`.
    pub extra_loss: Choice,
    /// Steps between two points of the training curves.
    pub log_every: u64,
}
