//! Both towers of CLIP, and how well a picture fits a text.

use candle_core::{D, Result, Tensor};

use super::config::ClipConfig;
use super::text::TextTower;
use super::vision::VisionTower;
use crate::error::ModelResult;
use crate::params::{Group, Params};

/// CLIP, under the names of transformers' `CLIPModel`.
#[derive(Clone, Debug)]
pub struct Clip {
    logit_scale: Tensor,
    /// Reads texts.
    pub text: TextTower,
    /// Reads pictures.
    pub vision: VisionTower,
}

/// Vectors of length 1 in the common space.
#[derive(Clone, Debug)]
pub struct Embeddings(Tensor);

impl Embeddings {
    /// Of vectors `[B, P]` of any length.
    pub fn of(vectors: &Tensor) -> Result<Self> {
        let length = vectors.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        Ok(Self(vectors.broadcast_div(&length)?))
    }

    /// The vectors, `[B, P]`.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }
}

impl Clip {
    /// Declares the parameters of the state dict.
    ///
    /// # Errors
    /// When a number of heads does not divide a width, or the patch the picture.
    pub fn new(params: &mut Params, config: &ClipConfig, seed: u64) -> ModelResult<Self> {
        config.check()?;
        // ln(1/0.07), the published initialisation.
        let scale = Tensor::new(2.659_26_f32, params.device())?;
        Ok(Self {
            logit_scale: params.add("logit_scale", &scale, Group::NoDecay)?,
            text: TextTower::new(params, config, seed)?,
            vision: VisionTower::new(params, config, seed)?,
        })
    }

    /// The embeddings of texts.
    ///
    /// # Shapes
    /// - ids: `[B, L]`
    /// - output: `[B, P]`
    pub fn embed_texts(&self, ids: &Tensor) -> Result<Embeddings> {
        Embeddings::of(&self.text.pooled(ids, &self.text.states(ids)?)?)
    }

    /// The embeddings of pictures.
    ///
    /// # Shapes
    /// - pictures: `[B, 3, image_px, image_px]`
    /// - output: `[B, P]`
    pub fn embed_pictures(&self, pictures: &Tensor) -> Result<Embeddings> {
        Embeddings::of(&self.vision.pooled(&self.vision.states(pictures)?)?)
    }

    /// e^logit_scale · cosine of every picture with every text: `logits_per_image`. With OpenAI's
    /// weights the scale is 100, and this is the CLIP score.
    ///
    /// # Shapes
    /// - output: `[pictures, texts]`
    pub fn logits_per_image(&self, pictures: &Embeddings, texts: &Embeddings) -> Result<Tensor> {
        let cosines = pictures.0.matmul(&texts.0.t()?)?;
        cosines.broadcast_mul(&self.logit_scale.exp()?)
    }
}
