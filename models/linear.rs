//! A linear layer.

use candle_core::{Result, Tensor};

use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// y = x·Wᵀ + b.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// Declares `<name>.weight` (outputs × inputs, Xavier-uniform) and `<name>.bias` (zeros).
    /// `sizes` is (inputs, outputs).
    pub fn new(
        params: &mut Params,
        name: &str,
        sizes: (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let outputs = sizes.1;
        let zeros = Tensor::zeros(outputs, candle_core::DType::F32, params.device())?;
        let layer = Self::without_bias(params, name, sizes, seed)?;
        let bias = params.add(&format!("{name}.bias"), &zeros, Group::NoDecay)?;
        Ok(Self { bias: Some(bias), ..layer })
    }

    /// Declares `<name>.weight` only.
    pub fn without_bias(
        params: &mut Params,
        name: &str,
        (inputs, outputs): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let name = format!("{name}.weight");
        let bound = (6.0 / (inputs + outputs) as f32).sqrt(); // Glorot & Bengio 2010
        let init = Stream::new(seed, &format!("init/{name}"), 0).uniform_tensor(
            (outputs, inputs),
            bound,
            params.device(),
        )?;
        Ok(Self { weight: params.add(&name, &init, Group::Decay)?, bias: None })
    }

    /// The layer's output.
    ///
    /// # Shapes
    /// - x: `[.., inputs]`
    /// - output: `[.., outputs]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(x, &self.weight, self.bias.as_ref())
    }
}
