//! A recogniser: whose face a frame shows, as a unit vector.

use candle_core::{Result, Tensor};

use super::batch_norm::{BatchNorm, BatchStatistics};
use super::tower::Tower;
use crate::aligner::unit_rows;
use crate::error::ModelResult;
use crate::linear::Linear;
use crate::params::Params;
use crate::vit::VitConfig;

/// Tower → linear → batch normalisation → unit length. Two frames of one person have a cosine near 1.
#[derive(Clone, Debug)]
pub struct Recogniser {
    tower: Tower,
    embed: Linear,
    norm: BatchNorm,
}

impl Recogniser {
    /// Declares the network with embeddings of width `embedding` and initial values from `seed`.
    pub fn new(
        config: VitConfig,
        embedding: usize,
        params: &mut Params,
        seed: u64,
    ) -> ModelResult<Self> {
        let tower = Tower::new(config, params, seed)?;
        // The normalisation would take a bias away again.
        let embed = Linear::without_bias(params, "embed", (config.width, embedding), seed)?;
        let norm = BatchNorm::new(params, embedding)?;
        Ok(Self { tower, embed, norm })
    }

    /// The embeddings of frames.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, D]`, unit rows
    pub fn forward(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        unit_rows(&self.norm.forward(&self.embed.forward(&self.tower.mean(frames_bchw)?)?)?)
    }

    /// The same while training, by the batch's own statistics, which are to be remembered.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, D]`, unit rows
    pub fn forward_training(&self, frames_bchw: &Tensor) -> Result<(Tensor, BatchStatistics)> {
        let embedded = self.embed.forward(&self.tower.mean(frames_bchw)?)?;
        let (standardised, batch) = BatchNorm::forward_training(&embedded)?;
        Ok((unit_rows(&standardised)?, batch))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::Recogniser;
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::Params;
    use crate::stream::Stream;
    use crate::vit::VitConfig;

    #[test]
    fn embeddings_have_unit_length_and_gradients_in_every_parameter() {
        let config =
            VitConfig { image_px: 8, patch_px: 4, width: 8, depth: 1, heads: 2, mlp_ratio: 2 };
        let mut params = Params::new(&Device::Cpu);
        let recogniser = Recogniser::new(config, 6, &mut params, 1).unwrap();
        let frames =
            Stream::new(2, "test", 0).normal_tensor((3, 3, 8, 8), 1.0, &Device::Cpu).unwrap();
        for row in recogniser.forward(&frames).unwrap().to_vec2::<f32>().unwrap() {
            assert!((row.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        check_parameter_gradients(&params, &|| recogniser.forward(&frames));
    }
}
