//! An image–text dual encoder: how well a frame fits a caption (CLIP, Radford et al. 2021).

use candle_core::{Device, Result, Tensor};

use super::text_tower::{TextTower, TextTowerConfig};
use super::tower::Tower;
use crate::aligner::unit_rows;
use crate::error::ModelResult;
use crate::linear::Linear;
use crate::loss::INITIAL_LOGIT_SCALE;
use crate::params::{Group, Params};
use crate::vit::VitConfig;

/// Frames and captions as unit vectors of one space; and the frame's features before it, for
/// Fréchet distances.
#[derive(Clone, Debug)]
pub struct DualEncoder {
    tower: Tower,
    embed: Linear,
    text: TextTower,
    logit_scale: Tensor,
}

impl DualEncoder {
    /// The name of the learnt ln(1/τ) among the parameters.
    pub const LOGIT_SCALE: &'static str = "logit_scale";

    /// Declares the network with initial values from `seed`.
    pub fn new(
        image: VitConfig,
        text: TextTowerConfig,
        params: &mut Params,
        seed: u64,
    ) -> ModelResult<Self> {
        let tower = Tower::new(image, params, seed)?;
        let embed = Linear::new(params, "embed", (image.width, text.embedding), seed)?;
        let text = TextTower::new(text, params, seed)?;
        let start = Tensor::new(INITIAL_LOGIT_SCALE as f32, &Device::Cpu)?;
        let logit_scale = params.add(Self::LOGIT_SCALE, &start, Group::NoDecay)?;
        Ok(Self { tower, embed, text, logit_scale })
    }

    /// What a frame shows, person and place and light, before it is compared with words.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, width]`
    pub fn features(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        self.tower.mean(frames_bchw)
    }

    /// The tower that reads frames: a generator may be told what it sees.
    pub fn tower(&self) -> &Tower {
        &self.tower
    }

    /// Frames in the common space.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, D]`, unit rows
    pub fn frames(&self, frames_bchw: &Tensor) -> Result<Tensor> {
        unit_rows(&self.embed.forward(&self.features(frames_bchw)?)?)
    }

    /// Captions in the common space.
    ///
    /// # Shapes
    /// - words_bld: `[B, L, word_dim]`, zeros below the last word; lengths: B
    /// - output: `[B, D]`, unit rows
    pub fn captions(&self, words_bld: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        unit_rows(&self.text.forward(words_bld, lengths)?)
    }

    /// ln(1/τ), learnt.
    pub fn logit_scale(&self) -> &Tensor {
        &self.logit_scale
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::DualEncoder;
    use crate::evaluators::TextTowerConfig;
    use crate::loss::pia_loss;
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::Params;
    use crate::stream::Stream;
    use crate::vit::VitConfig;

    #[test]
    fn the_contrastive_loss_reaches_every_parameter_of_both_sides() {
        let image =
            VitConfig { image_px: 8, patch_px: 4, width: 8, depth: 1, heads: 2, mlp_ratio: 2 };
        let text = TextTowerConfig { word_dim: 4, hidden: 6, embedding: 5 };
        let mut params = Params::new(&Device::Cpu);
        let net = DualEncoder::new(image, text, &mut params, 1).unwrap();
        let mut stream = Stream::new(2, "test", 0);
        let frames = stream.normal_tensor((3, 3, 8, 8), 1.0, &Device::Cpu).unwrap();
        let words = stream.normal_tensor((3, 2, 4), 1.0, &Device::Cpu).unwrap();
        check_parameter_gradients(&params, &|| {
            let captions = net.captions(&words, &[2, 1, 2])?;
            pia_loss(&net.frames(&frames)?, &captions, net.logit_scale(), None)
        });
    }
}
