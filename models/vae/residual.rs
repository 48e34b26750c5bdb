//! The residual block: twice norm, SiLU and causal convolution, beside a shortcut.

use candle_core::{Result, Tensor};

use super::history::History;
use super::layers::{CausalConv, ChannelNorm, Pointwise};
use crate::error::ModelResult;
use crate::ops;
use crate::params::Params;

#[derive(Clone, Debug)]
pub(super) struct ResidualBlock {
    norm1: ChannelNorm,
    conv1: CausalConv,
    norm2: ChannelNorm,
    conv2: CausalConv,
    shortcut: Option<Pointwise>,
}

impl ResidualBlock {
    /// `sizes` is (inputs, outputs).
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        (inputs, outputs): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let part = |at: usize| format!("{name}.residual.{at}");
        Ok(Self {
            norm1: ChannelNorm::new(params, &part(0), &[inputs, 1, 1, 1])?,
            conv1: CausalConv::new(params, &part(2), (inputs, outputs), seed)?,
            norm2: ChannelNorm::new(params, &part(3), &[outputs, 1, 1, 1])?,
            conv2: CausalConv::new(params, &part(6), (outputs, outputs), seed)?,
            shortcut: (inputs != outputs)
                .then(|| {
                    Pointwise::new(params, &format!("{name}.shortcut"), (inputs, outputs), seed)
                })
                .transpose()?,
        })
    }

    /// `[B, T, inputs, H, W]` → `[B, T, outputs, H, W]`.
    pub(super) fn forward(&self, x: &Tensor, history: &mut History) -> Result<Tensor> {
        let y = self.conv1.forward(&ops::silu(&self.norm1.on_films(x)?)?, history)?;
        let y = self.conv2.forward(&ops::silu(&self.norm2.on_films(&y)?)?, history)?;
        match &self.shortcut {
            None => x + y,
            Some(shortcut) => shortcut.forward(x)? + y,
        }
    }
}
