//! How well frames fit a prompt, by CLIP.

use std::fs;

use candle_core::{Device, Tensor};
use ffrun_models::eval::clip::{Clip, ClipConfig, ClipTokenizer, Embeddings};
use ffrun_models::eval::normalisation::Normalisation;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::resampling::{Filter, resized_as_pil};
use ffrun_models::params::Params;

use super::error::{VisionError, VisionResult};
use super::reader::PromptRead;
use super::shelf::Installed;
use super::weight_file::load;

/// Buffers that older versions of transformers stored beside the weights.
const LEFT: [&str; 2] =
    ["text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"];

/// Scores frames against one prompt.
pub(super) struct ClipScorer {
    config: ClipConfig,
    network: Clip,
    tokenizer: ClipTokenizer,
    prompt: Option<Embeddings>,
}

impl ClipScorer {
    /// Reads weights and merges.
    pub(super) fn open(installed: &Installed, device: &Device) -> VisionResult<Self> {
        let merges = installed.beside.get("merges").ok_or_else(|| VisionError::Card {
            card: format!("`{}`", installed.card.name),
            reason: "`beside` names no `merges`".to_owned(),
        })?;
        let unreadable = |source| VisionError::Unreadable { path: merges.clone(), source };
        let text = fs::read_to_string(merges).map_err(unreadable)?;
        let (config, mut params) = (ClipConfig::VIT_B_32, Params::frozen(device));
        let network = Clip::new(&mut params, &config, 0)?;
        load(&params, installed, &LEFT)?;
        Ok(Self { config, network, tokenizer: ClipTokenizer::from_merges(&text)?, prompt: None })
    }

    /// Takes the prompt that frames are compared with.
    pub(super) fn set_prompt(&mut self, prompt: Option<&str>) -> VisionResult<Option<PromptRead>> {
        self.prompt = None;
        let Some(prompt) = prompt else { return Ok(None) };
        let tokens = self.tokenizer.tokens(prompt, self.config.positions)?;
        let read = PromptRead { tokens: tokens.ids.len(), truncated: tokens.truncated };
        let ids = self.tokenizer.batch(&[tokens], &Device::Cpu)?;
        self.prompt = Some(self.network.embed_texts(&ids)?);
        Ok(Some(read))
    }

    /// The score of a frame, and of the frame with red and blue exchanged; none without a prompt.
    pub(super) fn scores(&self, frame: &Picture) -> VisionResult<Option<[f64; 2]>> {
        let Some(prompt) = &self.prompt else { return Ok(None) };
        let side = self.config.image_px;
        let size = frame.with_short_side(side);
        // A sliver resized to a short side of 224 would be gigabytes long, and shows no scene.
        if size.iter().any(|&length| length > side * MOST_ASPECT) {
            return Ok(None);
        }
        let small = resized_as_pil(frame, size, Filter::Bicubic)?.centre(side)?;
        let pair = Normalisation::CLIP.batch(&[small.clone(), small.swapped()], &Device::Cpu)?;
        let pictures = self.network.embed_pictures(&pair)?;
        let logits: Tensor = self.network.logits_per_image(&pictures, prompt)?;
        let values = logits.flatten_all()?.to_vec1::<f32>()?;
        Ok(Some([f64::from(values[0]), f64::from(values[1])]))
    }
}

/// Longest side of a frame that is scored, in short sides.
const MOST_ASPECT: usize = 64;
