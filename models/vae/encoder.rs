//! From pixels to the moments of the latent.

use candle_core::{Result, Tensor};

use super::config::VaeConfig;
use super::history::History;
use super::layers::{CausalConv, ChannelNorm};
use super::middle::Middle;
use super::resample::Down;
use super::residual::ResidualBlock;
use crate::error::ModelResult;
use crate::ops;
use crate::params::Params;

/// Channels of a picture.
pub(super) const RGB: usize = 3;

#[derive(Clone, Debug)]
pub(super) struct Encoder {
    conv1: CausalConv,
    downsamples: Vec<Part>,
    middle: Middle,
    norm: ChannelNorm,
    conv2: CausalConv,
}

#[derive(Clone, Debug)]
enum Part {
    Block(ResidualBlock),
    Down(Down),
}

impl Encoder {
    /// Declares `encoder.…`.
    pub(super) fn new(config: &VaeConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        let dims = config.encoder_dims();
        let conv1 = CausalConv::new(params, "encoder.conv1", (RGB, config.base_dim), seed)?;
        let mut downsamples = vec![];
        for (level, pair) in dims.windows(2).enumerate() {
            let mut inputs = pair[0];
            for _ in 0..config.res_blocks {
                let name = format!("encoder.downsamples.{}", downsamples.len());
                let block = ResidualBlock::new(params, &name, (inputs, pair[1]), seed)?;
                downsamples.push(Part::Block(block));
                inputs = pair[1];
            }
            if let Some(&halves_time) = config.halves_time.get(level) {
                let name = format!("encoder.downsamples.{}", downsamples.len());
                let down = Down::new(params, &name, (inputs, halves_time), seed)?;
                downsamples.push(Part::Down(down));
            }
        }
        let dim = dims.last().copied().unwrap_or(config.base_dim);
        Ok(Self {
            conv1,
            downsamples,
            middle: Middle::new(params, "encoder.middle", dim, seed)?,
            norm: ChannelNorm::new(params, "encoder.head.0", &[dim, 1, 1, 1])?,
            conv2: CausalConv::new(params, "encoder.head.2", (dim, 2 * config.z_dim), seed)?,
        })
    }

    /// `[B, T, 3, H, W]` → `[B, F, 2Z, h, w]` of the next piece of a film.
    pub(super) fn forward(&self, film: &Tensor, history: &mut History) -> Result<Tensor> {
        history.rewind();
        let mut x = self.conv1.forward(film, history)?;
        for part in &self.downsamples {
            x = match part {
                Part::Block(block) => block.forward(&x, history)?,
                Part::Down(down) => down.forward(&x, history)?,
            };
        }
        let x = self.middle.forward(&x, history)?;
        self.conv2.forward(&ops::silu(&self.norm.on_films(&x)?)?, history)
    }
}
