//! The spec of a flow-matching training: batches, noise levels, dropout, optimiser, length.

use serde::{Deserialize, Serialize};

use super::Choice;

/// How a generator is trained. Checkpoint intervals are no part of it: they change no number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowSpec {
    /// Optimiser steps.
    pub steps: u64,
    /// Clips per step.
    pub batch: usize,
    /// How noise levels are drawn: `table` (a thousand points, shifted), `uniform` (shifted) or
    /// `logit_normal` (shifted).
    pub timesteps: String,
    /// Shift s of the noise levels, σ = sσ/(1+(s−1)σ).
    pub shift: f64,
    /// Weight of a noise level in the loss: `none`, or `bell`, which favours the middle.
    pub weighting: String,
    /// Whether the reference's own frame counts in the loss.
    pub loss_on_reference: bool,
    /// Share of clips trained without their caption, for classifier-free guidance.
    pub text_dropout: f64,
    /// Share of those trained without their reference too, so that guidance can pull towards both.
    pub reference_dropout: f64,
    /// `adamw`, or `muon`: Muon for the matrices inside the blocks and AdamW for the rest.
    pub optimiser: String,
    /// Peak learning rate of Muon; unused without it.
    pub muon_lr: f64,
    /// Peak learning rate of AdamW.
    pub lr: f64,
    /// Learning-rate schedule after warm-up: `constant`, `cosine`, or a closure
    /// `|progress| factor` with progress in [0, 1].
    pub lr_schedule: Choice,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Decoupled weight decay of matrices.
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
    /// Steps between two points of the training curves.
    pub log_every: u64,
    /// Steps between two evaluations of the loss on the validation clips; 0 = none.
    pub validate_every: u64,
}
