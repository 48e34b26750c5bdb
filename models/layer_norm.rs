//! Layer normalisation with weight and bias.

use candle_core::{DType, Result, Tensor};

use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};

/// (x − mean)/√(variance + ε)·weight + bias over the last dimension.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

impl LayerNorm {
    /// Declares `<name>.weight` (ones) and `<name>.bias` (zeros). ε is that of timm's ViT.
    pub fn new(params: &mut Params, name: &str, width: usize) -> ModelResult<Self> {
        const EPS: f32 = 1e-6;
        Self::with_eps(params, name, width, EPS)
    }

    /// The same with another ε.
    pub fn with_eps(params: &mut Params, name: &str, width: usize, eps: f32) -> ModelResult<Self> {
        let ones = Tensor::ones(width, DType::F32, params.device())?;
        let weight = params.add(&format!("{name}.weight"), &ones, Group::NoDecay)?;
        let bias = params.add(&format!("{name}.bias"), &ones.zeros_like()?, Group::NoDecay)?;
        Ok(Self { weight, bias, eps })
    }

    /// The normalised tokens.
    ///
    /// # Shapes
    /// - x: `[.., D]`
    /// - output: `[.., D]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}
