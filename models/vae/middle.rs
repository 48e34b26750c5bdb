//! The coarsest level, alike in encoder and decoder: a residual block, attention, a residual block.

use candle_core::{Result, Tensor};

use super::attention::Attention;
use super::history::History;
use super::residual::ResidualBlock;
use crate::error::ModelResult;
use crate::params::Params;

#[derive(Clone, Debug)]
pub(super) struct Middle {
    before: ResidualBlock,
    attention: Attention,
    after: ResidualBlock,
}

impl Middle {
    pub(super) fn new(params: &mut Params, name: &str, dim: usize, seed: u64) -> ModelResult<Self> {
        Ok(Self {
            before: ResidualBlock::new(params, &format!("{name}.0"), (dim, dim), seed)?,
            attention: Attention::new(params, &format!("{name}.1"), dim, seed)?,
            after: ResidualBlock::new(params, &format!("{name}.2"), (dim, dim), seed)?,
        })
    }

    /// `[B, T, C, H, W]` → `[B, T, C, H, W]`.
    pub(super) fn forward(&self, x: &Tensor, history: &mut History) -> Result<Tensor> {
        let x = self.attention.forward(&self.before.forward(x, history)?)?;
        self.after.forward(&x, history)
    }
}
