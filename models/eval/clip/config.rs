//! The sizes of a CLIP.

use crate::error::{ModelError, ModelResult};

/// The sizes of one transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TowerConfig {
    /// Width of a token.
    pub width: usize,
    /// Width inside the MLP.
    pub hidden: usize,
    /// Blocks.
    pub depth: usize,
    /// Attention heads; divides `width`.
    pub heads: usize,
}

/// The sizes of both towers and of the space they meet in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipConfig {
    /// Reads texts.
    pub text: TowerConfig,
    /// Tokens there are.
    pub vocabulary: usize,
    /// Tokens of the longest text.
    pub positions: usize,
    /// The token that ends a text, whose state stands for all of it.
    pub end_of_text: u32,
    /// Reads pictures.
    pub vision: TowerConfig,
    /// Side of a picture in pixels.
    pub image_px: usize,
    /// Side of a patch in pixels; divides `image_px`.
    pub patch_px: usize,
    /// Length of an embedding.
    pub projection: usize,
}

impl ClipConfig {
    /// `openai/clip-vit-base-patch32`, the CLIP of CLIPScore.
    pub const VIT_B_32: Self = Self {
        text: TowerConfig { width: 512, hidden: 2048, depth: 12, heads: 8 },
        vocabulary: 49_408,
        positions: 77,
        end_of_text: 49_407,
        vision: TowerConfig { width: 768, hidden: 3072, depth: 12, heads: 12 },
        image_px: 224,
        patch_px: 32,
        projection: 512,
    };

    /// Fails on sizes that no network can have.
    pub(super) fn check(&self) -> ModelResult<()> {
        let divides = |setting, part: usize, whole: usize| {
            if part > 0 && whole.is_multiple_of(part) {
                return Ok(());
            }
            let expected = format!("must divide {whole}");
            Err(ModelError::BadSetting { setting, got: part.to_string(), expected })
        };
        divides("text.heads", self.text.heads, self.text.width)?;
        divides("vision.heads", self.vision.heads, self.vision.width)?;
        divides("patch_px", self.patch_px, self.image_px)
    }
}
