//! Goldens of the Wan VAE in diffusers' naming: streamed and whole passes, every gradient.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use ffrun_models::params::Params;
use ffrun_models::vae::{
    Pass, VaeConfig, WanVae, vae_diffusers_from_original, vae_original_from_diffusers,
};

use super::case::{Case, floats, integers};
use super::check::Check;
use super::parameter_lengths::{of_loss, probed};
use super::{Kind, Result};

/// diffusers' `AutoencoderKLWan`.
pub(super) const KIND: Kind = Kind {
    name: "wan vae",
    recognises: |case| {
        let config = ["base_dim", "z_dim", "temperal_downsample"];
        config.iter().all(|key| case.has("/config", key))
            && ["video", "latent"].iter().all(|key| case.has("/inputs", key))
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let config = config(case)?;
    let trained = case.json.get("param_grad_l2").is_some();
    let mut params = if trained { Params::new(&Device::Cpu) } else { Params::frozen(&Device::Cpu) };
    let vae = WanVae::new(&config, &mut params, 0)?;
    params.load(&originals(case.weights()?, config.res_blocks)?)?;
    let mut checks = vec![];
    for pass in [Pass::Streamed, Pass::Whole] {
        for name in case.outputs() {
            checks.extend(case.check(name, &output(case, &vae, (name, pass))?.detach())?);
        }
    }
    if trained {
        let [latent_mean, decoded] =
            ["latent_mean", "decoded"].map(|name| output(case, &vae, (name, Pass::Whole)));
        let loss = (probed(&latent_mean?)? + probed(&decoded?)?)?;
        let listed = |name: &str| vae_diffusers_from_original(name, config.res_blocks);
        checks.extend(of_loss(case, &params, &loss, listed)?);
    }
    Ok(checks)
}

/// One output of the case. Its latents are not normalised.
fn output(case: &Case, vae: &WanVae, (name, pass): (&str, Pass)) -> Result<Tensor> {
    let video = || case.input("video");
    let mean = |moments: Tensor| moments.narrow(1, 0, vae.config().z_dim);
    let latent = || normalised(&case.input("latent")?, vae.config());
    Ok(match name {
        "moments" => vae.moments(&video()?, pass)?,
        "latent_mean" => mean(vae.moments(&video()?, pass)?)?,
        "latent_mean_first_frame_only" => mean(vae.moments(&video()?.narrow(2, 0, 1)?, pass)?)?,
        "latent_normalised" => vae.encode_in(&video()?, pass)?,
        "decoded" => vae.decode_in(&latent()?, pass)?,
        "decoded_single_latent_frame" => vae.decode_in(&latent()?.narrow(2, 0, 1)?, pass)?,
        _ => return Err(format!("unknown output `{name}`").into()),
    })
}

fn normalised(latent: &Tensor, config: &VaeConfig) -> Result<Tensor> {
    let column = |values: &[f32]| {
        Tensor::from_vec(values.to_vec(), (1, values.len(), 1, 1, 1), latent.device())
    };
    Ok(latent.broadcast_sub(&column(&config.mean)?)?.broadcast_div(&column(&config.std)?)?)
}

/// The sizes that the case states.
pub(super) fn config(case: &Case) -> Result<VaeConfig> {
    let config = &case.json["config"];
    let size = |key: &str| case.number(&format!("/config/{key}")).map(|size| size as usize);
    let halves_time = case.list("/config/temperal_downsample")?;
    let values = |key: &str| floats(&config[key]).into_iter().map(|value| value as f32).collect();
    Ok(VaeConfig {
        base_dim: size("base_dim")?,
        z_dim: size("z_dim")?,
        multipliers: integers(&config["dim_mult"]).into_iter().map(|at| at as usize).collect(),
        res_blocks: size("num_res_blocks")?,
        halves_time: halves_time.iter().map(|halves| halves.as_bool() == Some(true)).collect(),
        mean: values("latents_mean"),
        std: values("latents_std"),
    })
}

/// Weights under the original's names.
pub(super) fn originals(
    weights: BTreeMap<String, Tensor>,
    res_blocks: usize,
) -> Result<BTreeMap<String, Tensor>> {
    let rename = |(name, value): (String, Tensor)| {
        let original = vae_original_from_diffusers(&name, res_blocks);
        Ok((original.ok_or(format!("foreign name `{name}`"))?, value))
    };
    weights.into_iter().map(rename).collect()
}
