//! The sizes of a Wan transformer: presets, validity, and the parameter count they imply.

use std::fmt::Display;

use crate::error::{ModelError, ModelResult};

/// The sizes of a Wan2.1 transformer, with or without the VACE branch (METHOD §1.1).
#[derive(Clone, Debug, PartialEq)]
pub struct WanConfig {
    /// Token width D.
    pub dim: usize,
    /// Hidden width of the feed-forward networks.
    pub ffn_dim: usize,
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks.
    pub blocks: usize,
    /// Channels of the latent that is fed in (16, or 36 for image-to-video).
    pub in_channels: usize,
    /// Channels of the velocity that comes out.
    pub out_channels: usize,
    /// Latent frames, rows and columns of a patch.
    pub patch: [usize; 3],
    /// Width of the text encoder's rows.
    pub text_dim: usize,
    /// Text rows are zero-padded to this number, and the padding takes part in the attention as in
    /// the original; `None` takes the text as it is given.
    pub text_len: Option<usize>,
    /// Features of the timestep's sinusoid.
    pub freq_dim: usize,
    /// ε of all norms.
    pub eps: f32,
    /// The VACE branch.
    pub vace: Option<VaceConfig>,
    /// The image branch of cross-attention.
    pub image: Option<ImageConfig>,
    /// Further sets of modulation weights, which segments ask for by name.
    pub modulations: Vec<ModulationConfig>,
}

/// A set of modulation weights beside the base's: `time_projection_<name>.1.…` and
/// `blocks.i.modulation_<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModulationConfig {
    /// Its name, e.g. `ref`.
    pub name: String,
    /// Whether the feed-forward's input is shifted and scaled by the attention's rows, as
    /// Concat-ID's released code does, instead of its own.
    pub ffn_reuses_attention: bool,
}

/// The VACE branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaceConfig {
    /// Base blocks after which a hint is added, ascending.
    pub blocks: Vec<usize>,
    /// Channels of the control latent.
    pub in_channels: usize,
}

/// The image branch of cross-attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageConfig {
    /// Width of the image encoder's tokens.
    pub dim: usize,
}

impl WanConfig {
    /// Wan2.1-T2V-1.3B.
    pub fn t2v_1_3b() -> Self {
        Self {
            dim: 1536,
            ffn_dim: 8960,
            heads: 12,
            blocks: 30,
            in_channels: 16,
            out_channels: 16,
            patch: [1, 2, 2],
            text_dim: 4096,
            text_len: Some(512),
            freq_dim: 256,
            eps: 1e-6,
            vace: None,
            image: None,
            modulations: vec![],
        }
    }

    /// Wan2.1-T2V-14B.
    pub fn t2v_14b() -> Self {
        Self { dim: 5120, ffn_dim: 13_824, heads: 40, blocks: 40, ..Self::t2v_1_3b() }
    }

    /// Wan2.1-I2V-14B: noisy latent, mask and condition in one input, and CLIP image tokens.
    pub fn i2v_14b() -> Self {
        Self { in_channels: 36, image: Some(ImageConfig { dim: 1280 }), ..Self::t2v_14b() }
    }

    /// Wan2.1-VACE-1.3B: a hint after every second block.
    pub fn vace_1_3b() -> Self {
        let vace = VaceConfig { blocks: (0..30).step_by(2).collect(), in_channels: 96 };
        Self { vace: Some(vace), ..Self::t2v_1_3b() }
    }

    /// Wan2.1-VACE-14B: a hint after every fifth block.
    pub fn vace_14b() -> Self {
        let vace = VaceConfig { blocks: (0..40).step_by(5).collect(), in_channels: 96 };
        Self { vace: Some(vace), ..Self::t2v_14b() }
    }

    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.dim / self.heads.max(1)
    }

    /// Latent values of one channel in a patch.
    pub fn patch_values(&self) -> usize {
        self.patch.iter().product()
    }

    /// Fails, naming the setting, unless a network can be built from these sizes.
    pub fn validate(&self) -> ModelResult<()> {
        let positive = [
            ("dim", self.dim),
            ("ffn_dim", self.ffn_dim),
            ("heads", self.heads),
            ("blocks", self.blocks),
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("patch", self.patch_values()),
            ("text_dim", self.text_dim),
            ("text_len", self.text_len.unwrap_or(1)),
            ("vace.in_channels", self.vace.as_ref().map_or(1, |vace| vace.in_channels)),
            ("image.dim", self.image.map_or(1, |image| image.dim)),
        ];
        for (setting, value) in positive {
            require(value > 0, setting, &value, || "must be at least 1".to_owned())?;
        }
        let (dim, blocks) = (self.dim, self.blocks);
        require(dim.is_multiple_of(self.heads), "heads", &self.heads, || {
            format!("must divide `dim` {dim}")
        })?;
        require(self.head_dim().is_multiple_of(2), "heads", &self.heads, || {
            format!("must leave heads of even width: rotation pairs the {dim} values of a token")
        })?;
        require(
            self.freq_dim >= 2 && self.freq_dim.is_multiple_of(2),
            "freq_dim",
            &self.freq_dim,
            || "must be an even number above 0".to_owned(),
        )?;
        require(self.eps > 0.0, "eps", &self.eps, || "must be above 0".to_owned())?;
        let Some(vace) = &self.vace else { return Ok(()) };
        let ascending = vace.blocks.windows(2).all(|pair| pair[0] < pair[1]);
        let within = vace.blocks.last().is_some_and(|&last| last < blocks);
        require(ascending && within, "vace.blocks", &format!("{:?}", vace.blocks), || {
            format!("must name at least one block, ascending and below `blocks` {blocks}")
        })
    }

    /// Number of parameters (values) of the network, known before anything is allocated.
    pub fn parameter_count(&self) -> usize {
        let d = self.dim;
        let linear = |inputs: usize, outputs: usize| inputs * outputs + outputs;
        let patch = self.patch_values();
        let base = linear(self.in_channels * patch, d)
            + linear(self.text_dim, d)
            + linear(d, d)
            + linear(self.freq_dim, d)
            + linear(d, d)
            + linear(d, 6 * d)
            + linear(d, self.out_channels * patch)
            + 2 * d;
        let image = self.image.map_or(0, |image| {
            2 * image.dim + linear(image.dim, image.dim) + linear(image.dim, d) + 2 * d
        });
        let image_in_block = self.image.map_or(0, |_| 2 * linear(d, d) + d);
        let vace = self.vace.as_ref().map_or(0, |vace| {
            let block = self.block_parameters() + linear(d, d);
            linear(vace.in_channels * patch, d) + linear(d, d) + vace.blocks.len() * block
        });
        let modulations = self.modulations.len() * (linear(d, 6 * d) + self.blocks * 6 * d);
        base + image + vace + modulations + self.blocks * (self.block_parameters() + image_in_block)
    }

    /// Parameters of a block without its image branch.
    fn block_parameters(&self) -> usize {
        let (d, f) = (self.dim, self.ffn_dim);
        let attention = 4 * (d * d + d) + 2 * d;
        6 * d + 2 * attention + 2 * d + (d * f + f) + (f * d + d)
    }
}

fn require(
    holds: bool,
    setting: &'static str,
    got: &dyn Display,
    expected: impl FnOnce() -> String,
) -> ModelResult<()> {
    if holds {
        return Ok(());
    }
    Err(ModelError::BadSetting { setting, got: got.to_string(), expected: expected() })
}

#[cfg(test)]
mod tests {
    use super::{VaceConfig, WanConfig};

    #[test]
    fn counts_are_those_of_the_published_models() {
        // METHOD §1.1
        let counts = [
            (WanConfig::t2v_1_3b(), 1_418_996_800),
            (WanConfig::vace_1_3b(), 1_418_996_800 + 734_975_232),
            (WanConfig::t2v_14b(), 14_288_491_584),
            (WanConfig::vace_14b(), 14_288_491_584 + 3_049_101_312),
        ];
        for (config, expected) in counts {
            config.validate().unwrap();
            assert_eq!(config.parameter_count(), expected);
        }
        WanConfig::i2v_14b().validate().unwrap();
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused_by_name() {
        let small = WanConfig { dim: 64, heads: 4, blocks: 2, ..WanConfig::t2v_1_3b() };
        let message = |config: WanConfig| config.validate().unwrap_err().to_string();
        let heads = message(WanConfig { heads: 7, ..small.clone() });
        assert_eq!(heads, "`heads` is 7, but must divide `dim` 64");
        let empty = message(WanConfig { patch: [1, 0, 2], ..small.clone() });
        assert_eq!(empty, "`patch` is 0, but must be at least 1");
        for blocks in [vec![], vec![0, 2], vec![1, 0]] {
            let vace = Some(VaceConfig { blocks, in_channels: 96 });
            let text = message(WanConfig { vace, ..small.clone() });
            assert!(text.starts_with("`vace.blocks` is ["), "{text}");
        }
        let odd = message(WanConfig { dim: 63, heads: 7, ..small });
        assert!(odd.contains("even width"), "{odd}");
    }
}
