//! The last layer: modulated norm, linear, and patches laid back into a latent.

use candle_core::{Result, Tensor};

use super::config::WanConfig;
use super::declare::{Declare, Init, Projection};
use crate::error::ModelResult;
use crate::lora::Lora;
use crate::ops;

/// Tokens → velocity.
#[derive(Clone, Debug)]
pub(super) struct Head {
    projection: Projection,
    modulation: Tensor,
    patch: [usize; 3],
    channels: usize,
    eps: f32,
}

impl Head {
    pub(super) fn new(config: &WanConfig, declare: &mut Declare) -> ModelResult<Self> {
        let (d, channels) = (config.dim, config.out_channels);
        let mut declare = declare.at("head");
        let projection =
            declare.projection("head", (d, channels * config.patch_values()), Init::Zeros)?;
        let modulation = declare.table("modulation", &[1, 2, d], 1.0 / (d as f32).sqrt())?;
        Ok(Self { projection, modulation, patch: config.patch, channels, eps: config.eps })
    }

    /// # Shapes
    /// - x: `[B, L, D]`; time: `[B, 1 or L, D]`; grid: tokens along time, height and width
    /// - output: `[B, Cout, F, H, W]`
    pub(super) fn forward(
        &self,
        (x, time): (&Tensor, &Tensor),
        grid: [usize; 3],
        lora: Option<&Lora>,
    ) -> Result<Tensor> {
        let row = |index: usize| self.modulation.narrow(1, index, 1);
        let (shift, scale) = (time.broadcast_add(&row(0)?)?, time.broadcast_add(&row(1)?)?);
        let x = ops::modulated_norm(x, &scale, &shift, self.eps)?;
        unpatchify(&self.projection.forward(&x, lora)?, grid, self.patch, self.channels)
    }
}

/// Patches laid out (t, h, w, channel), channel fastest, back into a latent.
///
/// # Shapes
/// - patches: `[B, L, pt·ph·pw·C]`
/// - output: `[B, C, F, H, W]`
pub fn unpatchify(
    patches: &Tensor,
    [t, h, w]: [usize; 3],
    [pt, ph, pw]: [usize; 3],
    channels: usize,
) -> Result<Tensor> {
    let b = patches.dim(0)?;
    patches
        .reshape(vec![b, t, h, w, pt, ph, pw, channels])?
        .permute(vec![0, 7, 1, 4, 2, 5, 3, 6])?
        .reshape((b, channels, t * pt, h * ph, w * pw))
}
