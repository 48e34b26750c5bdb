//! The sizes of Wan's autoencoder.

use super::configuration::Configuration;
use super::shapes::Shapes;
use crate::vae::VaeConfig;
use crate::weights::{Family, WeightFiles, WeightResult};

/// The family whose names an autoencoder's files follow.
///
/// # Errors
/// When a setting is of the wrong type.
pub fn vae_family(config: &Configuration) -> WeightResult<Family> {
    let res_blocks = config.size(&["num_res_blocks"])?;
    Ok(Family::Vae { res_blocks: res_blocks.unwrap_or(VaeConfig::wan2_1().res_blocks) })
}

/// The sizes of the autoencoder in `files`, which have original names. The authors' file comes
/// without a configuration: levels and the latent's statistics are then those of Wan 2.1.
///
/// # Errors
/// When the files are no autoencoder of Wan, or a setting is of the wrong type.
pub fn vae_sizes(files: &WeightFiles, config: &Configuration) -> WeightResult<VaeConfig> {
    let shapes = Shapes::new(files, "an autoencoder of Wan");
    let [base_dim, ..] = shapes.of::<5>("encoder.conv1.weight")?;
    let [z_dim, ..] = shapes.of::<5>("conv2.weight")?;
    let released = VaeConfig::wan2_1();
    let numbers = |name| config.list(name, "numbers", |value| Some(value.as_f64()? as f32));
    let halves = config.list("temperal_downsample", "truth values", serde_json::Value::as_bool)?;
    Ok(VaeConfig {
        base_dim,
        z_dim,
        multipliers: config.sizes("dim_mult")?.unwrap_or(released.multipliers),
        res_blocks: config.size(&["num_res_blocks"])?.unwrap_or(released.res_blocks),
        halves_time: halves.unwrap_or(released.halves_time),
        mean: numbers("latents_mean")?.unwrap_or(released.mean),
        std: numbers("latents_std")?.unwrap_or(released.std),
    })
}
