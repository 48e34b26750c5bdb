//! The sizes of the face modules, as data.

use serde::{Deserialize, Serialize};

use crate::error::{ModelError, ModelResult};

/// Sizes of perceiver and cross-attention; the defaults are ConsisID's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaceSpec {
    /// Width of the face vector.
    pub id_dim: usize,
    /// Width of the image encoder's tokens, and of the perceiver's.
    pub vit_dim: usize,
    /// Layers of the image encoder that are read, one after the other.
    pub scales: usize,
    /// Blocks of the perceiver, spread evenly over the layers.
    pub depth: usize,
    /// Heads of the perceiver.
    pub heads: usize,
    /// Width of its heads.
    pub head_dim: usize,
    /// Tokens that the face vector becomes.
    pub id_tokens: usize,
    /// Tokens that come out.
    pub queries: usize,
    /// Their width.
    pub out_dim: usize,
    /// Hidden width of the perceiver's feed-forward networks over its width.
    pub ff_mult: usize,
    /// Heads of the cross-attention.
    pub cross_heads: usize,
    /// Width of its heads.
    pub cross_head_dim: usize,
    /// Cross-attention follows block 0 and every so many blocks after it.
    pub interval: usize,
    /// Factor on the cross-attention.
    pub scale: f64,
    /// Whether cross-attention starts as a no-op, with outputs of zero. ConsisID's does not; but
    /// mechanisms can be compared only when all start from the same function.
    pub zero_start: bool,
}

impl Default for FaceSpec {
    fn default() -> Self {
        Self {
            id_dim: 1280,
            vit_dim: 1024,
            scales: 5,
            depth: 10,
            heads: 16,
            head_dim: 64,
            id_tokens: 5,
            queries: 32,
            out_dim: 2048,
            ff_mult: 4,
            cross_heads: 16,
            cross_head_dim: 128,
            interval: 2,
            scale: 1.0,
            zero_start: true,
        }
    }
}

impl FaceSpec {
    /// Fails, naming the setting, unless modules can be built from these sizes.
    ///
    /// # Errors
    /// [`ModelError::BadSetting`].
    pub fn check(&self) -> ModelResult<()> {
        let sizes = [
            ("face.id_dim", self.id_dim),
            ("face.vit_dim", self.vit_dim),
            ("face.scales", self.scales),
            ("face.depth", self.depth),
            ("face.heads", self.heads),
            ("face.head_dim", self.head_dim),
            ("face.id_tokens", self.id_tokens),
            ("face.queries", self.queries),
            ("face.out_dim", self.out_dim),
            ("face.ff_mult", self.ff_mult),
            ("face.cross_heads", self.cross_heads),
            ("face.cross_head_dim", self.cross_head_dim),
            ("face.interval", self.interval),
        ];
        let bad = |setting, got: usize, expected: String| {
            Err(ModelError::BadSetting { setting, got: got.to_string(), expected })
        };
        if let Some((setting, size)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return bad(setting, size, "must be at least 1".into());
        }
        if !self.depth.is_multiple_of(self.scales) {
            let expected = format!("must be a multiple of `scales` {}", self.scales);
            return bad("face.depth", self.depth, expected);
        }
        Ok(())
    }
}
