//! Batch normalisation with running statistics.

use candle_core::{DType, Result, Tensor};

use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};

/// (x − running mean)/√(running variance + ε)·weight + bias, channel by channel.
#[derive(Clone, Debug)]
pub(super) struct BatchNorm {
    weight_and_bias: Option<(Tensor, Tensor)>,
    mean: Tensor,
    variance: Tensor,
    eps: f64,
}

impl BatchNorm {
    /// PyTorch's default ε.
    pub(super) const EPS: f64 = 1e-5;

    /// Declares `<name>.weight` (ones), `.bias` (zeros), `.running_mean` (zeros) and
    /// `.running_var` (ones).
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        channels: usize,
        eps: f64,
    ) -> ModelResult<Self> {
        let ones = Tensor::ones(channels, DType::F32, params.device())?;
        let weight = params.add(&format!("{name}.weight"), &ones, Group::NoDecay)?;
        let bias = params.add(&format!("{name}.bias"), &ones.zeros_like()?, Group::NoDecay)?;
        let plain = Self::without_affine(params, name, channels, eps)?;
        Ok(Self { weight_and_bias: Some((weight, bias)), ..plain })
    }

    /// Declares the running statistics only.
    pub(super) fn without_affine(
        params: &mut Params,
        name: &str,
        channels: usize,
        eps: f64,
    ) -> ModelResult<Self> {
        let ones = Tensor::ones(channels, DType::F32, params.device())?;
        let mean = format!("{name}.running_mean");
        let mean = params.add(&mean, &ones.zeros_like()?, Group::Frozen)?;
        let variance = params.add(&format!("{name}.running_var"), &ones, Group::Frozen)?;
        Ok(Self { weight_and_bias: None, mean, variance, eps })
    }

    /// The scale and the shift of every channel that do the same.
    pub(super) fn scale_and_shift(&self) -> Result<(Tensor, Tensor)> {
        let share = (&self.variance + self.eps)?.sqrt()?.recip()?;
        let Some((weight, bias)) = &self.weight_and_bias else {
            return Ok((share.clone(), (&self.mean * &share)?.neg()?));
        };
        let scale = (weight * share)?;
        let shift = (bias - (&self.mean * &scale)?)?;
        Ok((scale, shift))
    }

    /// The normalised images or vectors.
    ///
    /// # Shapes
    /// - x: `[B, C, ..]`
    /// - output: `[B, C, ..]`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (scale, shift) = self.scale_and_shift()?;
        ops::channel_affine(x, &scale, &shift)
    }
}
