//! Sizes of networks, between the spec that keys are made from and the networks' own types.

use ffrun_models::{
    umt5::Umt5Config,
    vae::VaeConfig,
    wan::{VaceConfig, WanConfig},
};

use crate::{
    engine::work::StageError,
    spec::{AutoencoderSizes, TextEncoderSizes, TransformerSizes},
};

/// The spec of a transformer.
///
/// # Errors
/// When it has no VACE branch, or an image branch.
pub(super) fn transformer_sizes(config: &WanConfig) -> Result<TransformerSizes, StageError> {
    let vace = config.vace.as_ref().filter(|_| config.image.is_none()).ok_or_else(|| {
        StageError::Environment(
            "the transformer has no VACE branch, through which a reference enters; give one of \
             Wan2.1-VACE-1.3B and Wan2.1-VACE-14B"
                .to_owned(),
        )
    })?;
    config.validate().map_err(|error| StageError::Environment(error.to_string()))?;
    Ok(TransformerSizes {
        width: config.dim,
        ffn_width: config.ffn_dim,
        heads: config.heads,
        blocks: config.blocks,
        channels: config.in_channels,
        patch: config.patch,
        text_width: config.text_dim,
        text_length: config.text_len.unwrap_or(0),
        freq_width: config.freq_dim,
        eps: config.eps,
        vace_blocks: vace.blocks.clone(),
        vace_channels: vace.in_channels,
    })
}

/// The transformer of a spec.
pub(in crate::stages) fn transformer_config(sizes: &TransformerSizes) -> WanConfig {
    WanConfig {
        dim: sizes.width,
        ffn_dim: sizes.ffn_width,
        heads: sizes.heads,
        blocks: sizes.blocks,
        in_channels: sizes.channels,
        out_channels: sizes.channels,
        patch: sizes.patch,
        text_dim: sizes.text_width,
        text_len: Some(sizes.text_length),
        freq_dim: sizes.freq_width,
        eps: sizes.eps,
        vace: Some(VaceConfig {
            blocks: sizes.vace_blocks.clone(),
            in_channels: sizes.vace_channels,
        }),
        image: None,
        modulations: Vec::new(),
    }
}

/// The spec of an autoencoder.
pub(super) fn autoencoder_sizes(config: &VaeConfig) -> AutoencoderSizes {
    AutoencoderSizes {
        base_width: config.base_dim,
        channels: config.z_dim,
        multipliers: config.multipliers.clone(),
        res_blocks: config.res_blocks,
        halves_time: config.halves_time.clone(),
        mean: config.mean.clone(),
        std: config.std.clone(),
    }
}

/// The autoencoder of a spec.
pub(super) fn autoencoder_config(sizes: &AutoencoderSizes) -> VaeConfig {
    VaeConfig {
        base_dim: sizes.base_width,
        z_dim: sizes.channels,
        multipliers: sizes.multipliers.clone(),
        res_blocks: sizes.res_blocks,
        halves_time: sizes.halves_time.clone(),
        mean: sizes.mean.clone(),
        std: sizes.std.clone(),
    }
}

/// Frames that become one latent frame, after the first, which stands alone.
pub fn least_frames(sizes: &AutoencoderSizes) -> usize {
    autoencoder_config(sizes).temporal()
}

/// Pixels along the side of one token: sides of a clip must be multiples of it.
pub fn least_pixels(autoencoder: &AutoencoderSizes, transformer: &TransformerSizes) -> usize {
    let [_, rows, columns] = transformer.patch;
    autoencoder_config(autoencoder).spatial() * rows.max(columns)
}

/// The spec of a text encoder.
pub(super) fn text_encoder_sizes(config: &Umt5Config) -> TextEncoderSizes {
    TextEncoderSizes {
        vocabulary: config.vocab,
        width: config.dim,
        blocks: config.layers,
        heads: config.heads,
        head_width: config.head_dim,
        ffn_width: config.ffn_dim,
        buckets: config.buckets,
        max_distance: config.max_distance,
        eps: config.eps,
    }
}

/// The text encoder of a spec.
pub(super) fn text_encoder_config(sizes: &TextEncoderSizes) -> Umt5Config {
    Umt5Config {
        vocab: sizes.vocabulary,
        dim: sizes.width,
        layers: sizes.blocks,
        heads: sizes.heads,
        head_dim: sizes.head_width,
        ffn_dim: sizes.ffn_width,
        buckets: sizes.buckets,
        max_distance: sizes.max_distance,
        eps: sizes.eps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_back_as_they_went() {
        for config in [WanConfig::vace_1_3b(), WanConfig::vace_14b()] {
            assert_eq!(transformer_config(&transformer_sizes(&config).unwrap()), config);
        }
        let plain = transformer_sizes(&WanConfig::t2v_14b()).unwrap_err().to_string();
        assert!(plain.starts_with("the transformer has no VACE branch"), "{plain}");
        let vae = autoencoder_sizes(&VaeConfig::wan2_1());
        assert_eq!(autoencoder_config(&vae), VaeConfig::wan2_1());
        let transformer = transformer_sizes(&WanConfig::vace_14b()).unwrap();
        assert_eq!((least_frames(&vae), least_pixels(&vae, &transformer)), (4, 16));
        let text = text_encoder_sizes(&Umt5Config::xxl());
        assert_eq!(text_encoder_config(&text), Umt5Config::xxl());
    }
}
