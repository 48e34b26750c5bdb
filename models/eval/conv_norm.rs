//! A convolution and the BatchNorm behind it, as two layers or folded into one.

use candle_core::{Result, Tensor};

use super::batch_norm::BatchNorm;
use super::conv::{Conv, ConvShape};
use crate::error::ModelResult;
use crate::params::Params;

/// A convolution without bias, then a BatchNorm.
#[derive(Clone, Debug)]
pub(super) enum ConvNorm {
    /// As published: parameters are seen as they change.
    Pair(Conv, BatchNorm),
    /// One convolution: folded, or one that never had a norm.
    Alone(Conv),
}

impl ConvNorm {
    /// The two layers under the published names `(convolution, norm)`.
    pub(super) fn new(
        params: &mut Params,
        (conv, norm): (&str, &str),
        (shape, eps): (ConvShape, f64),
        seed: u64,
    ) -> ModelResult<Self> {
        let conv = Conv::new(params, conv, shape, seed)?;
        Ok(Self::Pair(conv, BatchNorm::new(params, norm, shape.outputs, eps)?))
    }

    /// The convolved and normalised images.
    ///
    /// # Shapes
    /// - x: `[B, C, H, W]`
    /// - output: `[B, O, H', W']`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Pair(conv, norm) => norm.forward(&conv.forward(x)?),
            Self::Alone(conv) => conv.forward(x),
        }
    }

    /// The one convolution that does the same.
    pub(super) fn merged(&self) -> Result<Conv> {
        match self {
            Self::Pair(conv, norm) => {
                let (scale, shift) = norm.scale_and_shift()?;
                let weight = conv.weight().broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
                Ok(Conv::of(conv.shape(), weight.detach(), shift.detach()))
            }
            Self::Alone(conv) => Ok(conv.clone()),
        }
    }

    /// Becomes one convolution.
    pub(super) fn fold(&mut self) -> Result<()> {
        *self = Self::Alone(self.merged()?);
        Ok(())
    }
}
