//! The trunk of every evaluator: a small vision transformer whose tokens are averaged.

use candle_core::{Result, Tensor};

use crate::error::ModelResult;
use crate::ops;
use crate::params::Params;
use crate::vit::{Tokenizer, Vit, VitConfig};

/// A frame as one vector.
#[derive(Clone, Debug)]
pub struct Tower {
    vit: Vit,
}

impl Tower {
    /// Declares `tower.…` with initial values from `seed`.
    pub fn new(config: VitConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        Ok(Self { vit: Vit::new(config, params, "tower", seed)? })
    }

    /// The mean token of each frame.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, D]`
    pub fn forward(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        let tokens_bld = self.vit.tokens(frames_bchw)?;
        ops::token_sum(&tokens_bld)? / self.vit.tokens_per_face() as f64
    }

    /// Width D.
    pub fn width(&self) -> usize {
        self.vit.width()
    }
}
