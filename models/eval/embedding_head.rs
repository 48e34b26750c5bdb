//! The head of a face recogniser: from the last activations to the embedding.

use candle_core::{Result, Tensor};

use super::batch_norm::BatchNorm;
use super::network::Tap;
use crate::error::ModelResult;
use crate::linear::Linear;
use crate::params::Params;

/// Channels of the last stage of every published recogniser here.
const CHANNELS: usize = 512;
/// Side of the last activations of a 112-pixel face.
const SIDE: usize = 7;
/// Length of an embedding.
const WIDTH: usize = 512;

/// BatchNorm → all values in one row → linear → BatchNorm. (A dropout between rests here.)
#[derive(Clone, Debug)]
pub(super) struct EmbeddingHead {
    norm_name: String,
    norm: BatchNorm,
    linear: Linear,
    last: BatchNorm,
}

impl EmbeddingHead {
    /// Declares the layers under `[norm, linear, last]`; the last norm has weight and bias if
    /// `affine`.
    pub(super) fn new(
        params: &mut Params,
        [norm, linear, last]: [&str; 3],
        affine: bool,
        seed: u64,
    ) -> ModelResult<Self> {
        let eps = BatchNorm::EPS;
        let new_last = if affine { BatchNorm::new } else { BatchNorm::without_affine };
        Ok(Self {
            norm_name: norm.to_owned(),
            norm: BatchNorm::new(params, norm, CHANNELS, eps)?,
            linear: Linear::new(params, linear, (CHANNELS * SIDE * SIDE, WIDTH), seed)?,
            last: new_last(params, last, WIDTH, eps)?,
        })
    }

    /// The embedding, not normalised.
    ///
    /// # Shapes
    /// - x: `[B, 512, 7, 7]`
    /// - output: `[B, 512]`
    pub(super) fn forward(&self, x: &Tensor, tap: Tap) -> Result<Tensor> {
        let x = self.norm.forward(x)?;
        tap(&self.norm_name, &x);
        self.last.forward(&self.linear.forward(&x.flatten_from(1)?)?)
    }
}
