//! The trunk of every evaluator: a small vision transformer.

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

    /// The mean token of each frame: what is seen, wherever it is.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, D]`
    pub fn mean(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        let tokens_bld = self.vit.tokens(frames_bchw)?;
        ops::token_sum(&tokens_bld)? / self.vit.tokens_per_face() as f64
    }

    /// All tokens of each frame in a row, so that a head sees what is where: ArcFace's networks end
    /// in a linear layer over the flattened map for the same reason (Deng et al. 2019, option E).
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, L·D]`
    pub fn flat(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        self.vit.tokens(frames_bchw)?.flatten_from(1)
    }

    /// All tokens of each frame.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, L, D]`
    pub fn tokens(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        self.vit.tokens(frames_bchw)
    }

    /// The tokens behind every block.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, L, D]` for each block
    pub fn layers(&self, frames_bchw: &Tensor) -> Result<Vec<Tensor>> {
        self.vit.layers(frames_bchw)
    }

    /// Width D of a token.
    pub fn width(&self) -> usize {
        self.vit.width()
    }

    /// Width L·D of [`Self::flat`].
    pub fn flat_width(&self) -> usize {
        self.vit.tokens_per_face() * self.vit.width()
    }
}
