//! Attention of one head between the cells of a frame.

use candle_core::{Result, Tensor};

use super::layers::{ChannelNorm, Kernel};
use crate::error::ModelResult;
use crate::ops::{self, Conv2d};
use crate::params::Params;

#[derive(Clone, Debug)]
pub(super) struct Attention {
    norm: ChannelNorm,
    to_qkv: Kernel,
    proj: Kernel,
}

impl Attention {
    pub(super) fn new(params: &mut Params, name: &str, dim: usize, seed: u64) -> ModelResult<Self> {
        Ok(Self {
            norm: ChannelNorm::new(params, &format!("{name}.norm"), &[dim, 1, 1])?,
            to_qkv: Kernel::new(params, &format!("{name}.to_qkv"), &[3 * dim, dim, 1, 1], seed)?,
            proj: Kernel::new(params, &format!("{name}.proj"), &[dim, dim, 1, 1], seed)?,
        })
    }

    /// `[B, T, C, H, W]` → `[B, T, C, H, W]`; frames do not see each other.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let pictures = x.flatten(0, 1)?;
        let (n, c, h, w) = pictures.dims4()?;
        let qkv = self.to_qkv.on_pictures(&self.norm.on_pictures(&pictures)?, Conv2d::default())?;
        let part = |at: usize| {
            qkv.narrow(1, at * c, c)?.reshape((n, 1, c, h * w))?.transpose(2, 3)?.contiguous()
        };
        let seen = ops::attention(&part(0)?, &part(1)?, &part(2)?)?;
        let seen = seen.transpose(2, 3)?.reshape((n, c, h, w))?;
        x + self.proj.on_pictures(&seen, Conv2d::default())?.reshape(x.shape())?
    }
}
