//! CLIP's reader of pictures.

use candle_core::{Result, Tensor};

use super::config::ClipConfig;
use super::layers::{EPS, Encoder, table};
use crate::error::ModelResult;
use crate::eval::conv::{Conv, ConvShape};
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::params::Params;

/// A vision transformer whose first token stands for the picture.
#[derive(Clone, Debug)]
pub struct VisionTower {
    class: Tensor,
    patches: Conv,
    positions: Tensor,
    first_norm: LayerNorm,
    encoder: Encoder,
    last_norm: LayerNorm,
    projection: Linear,
}

impl VisionTower {
    pub(super) fn new(params: &mut Params, config: &ClipConfig, seed: u64) -> ModelResult<Self> {
        let width = config.vision.width;
        let embedding = |part: &str| format!("vision_model.embeddings.{part}");
        let class = table(params, &embedding("class_embedding"), width, seed)?;
        let shape = ConvShape::valid(3, width, [config.patch_px; 2]).every(config.patch_px);
        let patches = Conv::new(params, &embedding("patch_embedding"), shape, seed)?;
        let side = config.image_px / config.patch_px;
        let sizes = (side * side + 1, width);
        let positions = table(params, &embedding("position_embedding.weight"), sizes, seed)?;
        let mut norm =
            |name: &str| LayerNorm::with_eps(params, &format!("vision_model.{name}"), width, EPS);
        // Misspelt in the published state dict.
        let (first_norm, last_norm) = (norm("pre_layrnorm")?, norm("post_layernorm")?);
        let encoder = Encoder::new(params, "vision_model.encoder", config.vision, seed)?;
        let sizes = (width, config.projection);
        let projection = Linear::without_bias(params, "visual_projection", sizes, seed)?;
        Ok(Self { class, patches, positions, first_norm, encoder, last_norm, projection })
    }

    /// The state of the picture's token and of every patch, not normalised.
    ///
    /// # Shapes
    /// - pictures: `[B, 3, image_px, image_px]`, [`crate::eval::normalisation::Normalisation::CLIP`]
    /// - output: `[B, 1 + patches, D]`
    pub fn states(&self, pictures: &Tensor) -> Result<Tensor> {
        let patches = self.patches.forward(pictures)?.flatten_from(2)?.transpose(1, 2)?;
        let (b, _, d) = patches.dims3()?;
        let class = self.class.reshape((1, 1, d))?.broadcast_as((b, 1, d))?;
        let x = Tensor::cat(&[class, patches], 1)?.broadcast_add(&self.positions)?;
        self.encoder.forward(&self.first_norm.forward(&x)?, None)
    }

    /// The pictures in the common space, not normalised, from [`VisionTower::states`].
    ///
    /// # Shapes
    /// - states: `[B, L, D]`
    /// - output: `[B, P]`
    pub fn pooled(&self, states: &Tensor) -> Result<Tensor> {
        self.projection.forward(&self.last_norm.forward(&states.narrow(1, 0, 1)?.squeeze(1)?)?)
    }
}
