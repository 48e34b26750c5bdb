//! From the latent to pixels.

use candle_core::{Result, Tensor};

use super::config::VaeConfig;
use super::encoder::RGB;
use super::history::History;
use super::layers::{CausalConv, ChannelNorm};
use super::middle::Middle;
use super::resample::Up;
use super::residual::ResidualBlock;
use crate::error::ModelResult;
use crate::ops;
use crate::params::Params;

#[derive(Clone, Debug)]
pub(super) struct Decoder {
    conv1: CausalConv,
    middle: Middle,
    upsamples: Vec<Part>,
    norm: ChannelNorm,
    conv2: CausalConv,
}

#[derive(Clone, Debug)]
enum Part {
    Block(ResidualBlock),
    Up(Up),
}

impl Decoder {
    /// Declares `decoder.…`.
    pub(super) fn new(config: &VaeConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        let dims = config.decoder_dims();
        let first = dims.first().copied().unwrap_or(config.base_dim);
        let conv1 = CausalConv::new(params, "decoder.conv1", (config.z_dim, first), seed)?;
        let middle = Middle::new(params, "decoder.middle", first, seed)?;
        let (mut upsamples, mut inputs) = (vec![], first);
        let mut steps = config.halves_time.iter().rev();
        for &dim in dims.iter().skip(1) {
            for _ in 0..=config.res_blocks {
                let name = format!("decoder.upsamples.{}", upsamples.len());
                let block = ResidualBlock::new(params, &name, (inputs, dim), seed)?;
                upsamples.push(Part::Block(block));
                inputs = dim;
            }
            if let Some(&doubles_time) = steps.next() {
                let name = format!("decoder.upsamples.{}", upsamples.len());
                upsamples.push(Part::Up(Up::new(params, &name, (dim, doubles_time), seed)?));
                inputs = dim / 2;
            }
        }
        Ok(Self {
            conv1,
            middle,
            upsamples,
            norm: ChannelNorm::new(params, "decoder.head.0", &[inputs, 1, 1, 1])?,
            conv2: CausalConv::new(params, "decoder.head.2", (inputs, RGB), seed)?,
        })
    }

    /// `[B, F, Z, h, w]` → `[B, T, 3, H, W]` of the next piece of a latent.
    pub(super) fn forward(&self, latent: &Tensor, history: &mut History) -> Result<Tensor> {
        history.rewind();
        let mut x = self.middle.forward(&self.conv1.forward(latent, history)?, history)?;
        for part in &self.upsamples {
            x = match part {
                Part::Block(block) => block.forward(&x, history)?,
                Part::Up(up) => up.forward(&x, history)?,
            };
        }
        self.conv2.forward(&ops::silu(&self.norm.on_films(&x)?)?, history)
    }
}
