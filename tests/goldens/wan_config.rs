//! The sizes of a Wan transformer as the cases state them, in either spelling.

use ffrun_models::wan::{ImageConfig, VaceConfig, WanConfig};
use serde_json::Value;

use super::Result;
use super::case::{Case, integers};

/// diffusers' spelling.
pub(super) fn diffusers_config(case: &Case) -> Result<WanConfig> {
    let vace = if case.has("/config", "vace_layers") {
        let blocks = sides(&case.json["config"]["vace_layers"]);
        Some(VaceConfig { blocks, in_channels: size(case, "vace_in_channels")? })
    } else {
        None
    };
    let image = case.has("/config", "image_dim").then(|| size(case, "image_dim")).transpose()?;
    let heads = size(case, "num_attention_heads")?;
    Ok(WanConfig {
        dim: heads * size(case, "attention_head_dim")?,
        heads,
        in_channels: size(case, "in_channels")?,
        out_channels: size(case, "out_channels")?,
        vace,
        image: image.map(|dim| ImageConfig { dim }),
        ..common(case)?
    })
}

/// The spelling of the authors and of DiffSynth.
pub(super) fn original_config(case: &Case) -> Result<WanConfig> {
    Ok(WanConfig {
        dim: size(case, "dim")?,
        heads: size(case, "num_heads")?,
        in_channels: size(case, "in_dim")?,
        out_channels: size(case, "out_dim")?,
        ..common(case)?
    })
}

/// What both spell alike.
fn common(case: &Case) -> Result<WanConfig> {
    let patch = sides(&case.json["config"]["patch_size"]);
    Ok(WanConfig {
        ffn_dim: size(case, "ffn_dim")?,
        blocks: size(case, "num_layers")?,
        patch: patch.try_into().map_err(|_| "a patch without three sides")?,
        text_dim: size(case, "text_dim")?,
        text_len: None,
        freq_dim: size(case, "freq_dim")?,
        eps: case.number("/config/eps")? as f32,
        ..WanConfig::t2v_1_3b()
    })
}

/// A size of the configuration.
pub(super) fn size(case: &Case, key: &str) -> Result<usize> {
    Ok(case.number(&format!("/config/{key}"))? as usize)
}

/// A list of sizes.
pub(super) fn sides(value: &Value) -> Vec<usize> {
    integers(value).into_iter().map(|side| side as usize).collect()
}
