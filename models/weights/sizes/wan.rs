//! The sizes of Wan's transformer.

use super::configuration::Configuration;
use super::shapes::Shapes;
use crate::wan::{ImageConfig, VaceConfig, WanConfig};
use crate::weights::{WeightFiles, WeightResult};

/// Width of a head in every released model: what is assumed where no configuration tells.
const HEAD_DIM: usize = 128;

/// The sizes of the transformer in `files`, which have original names. Shapes do not tell heads
/// and the blocks that hints follow: they come from the configuration, else are as in the released
/// models (heads of 128, hints spread evenly).
///
/// # Errors
/// When the files are no transformer of Wan, or a setting is of the wrong type.
pub fn wan_sizes(files: &WeightFiles, config: &Configuration) -> WeightResult<WanConfig> {
    let shapes = Shapes::new(files, "a transformer of Wan");
    let [dim, in_channels, t, h, w] = shapes.of("patch_embedding.weight")?;
    let [_, text_dim] = shapes.of("text_embedding.0.weight")?;
    let [_, freq_dim] = shapes.of("time_embedding.0.weight")?;
    let [ffn_dim, _] = shapes.of("blocks.0.ffn.0.weight")?;
    let [outputs, _] = shapes.of("head.head.weight")?;
    let released = WanConfig::t2v_1_3b();
    let blocks = config.size(&["num_layers"])?.unwrap_or_else(|| shapes.blocks("blocks"));
    let heads = config.size(&["num_heads", "num_attention_heads"])?;
    Ok(WanConfig {
        dim,
        ffn_dim,
        heads: heads.unwrap_or(dim / HEAD_DIM),
        blocks,
        in_channels,
        out_channels: outputs / (t * h * w).max(1),
        patch: [t, h, w],
        text_dim,
        text_len: config.size(&["text_len"])?.or(released.text_len),
        freq_dim,
        eps: config.number("eps")?.map_or(released.eps, |eps| eps as f32),
        vace: vace(&shapes, config, blocks)?,
        image: image(files),
        modulations: vec![],
    })
}

/// The VACE branch, if the files have one.
fn vace(
    shapes: &Shapes,
    config: &Configuration,
    blocks: usize,
) -> WeightResult<Option<VaceConfig>> {
    let count = shapes.blocks("vace_blocks");
    if count == 0 {
        return Ok(None);
    }
    let [_, in_channels, ..] = shapes.of::<5>("vace_patch_embedding.weight")?;
    let evenly = || (0..count).map(|at| at * (blocks / count).max(1)).collect();
    let blocks = config.sizes("vace_layers")?.unwrap_or_else(evenly);
    Ok(Some(VaceConfig { blocks, in_channels }))
}

/// The image branch, if the files have one.
fn image(files: &WeightFiles) -> Option<ImageConfig> {
    files
        .shape("img_emb.proj.0.weight")
        .and_then(|shape| Some(ImageConfig { dim: *shape.first()? }))
}
