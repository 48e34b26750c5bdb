//! Goldens of SkyReels-A2's network: input channels, image tokens of three references, a UniPC
//! trajectory and gradients.

use std::cell::RefCell;

use candle_core::{Tensor, Var};
use ffrun_models::baselines::{Identity, Told, skyreels_a2};
use ffrun_models::flow::{SamplerSettings, SigmaTable, SolverKind};
use ffrun_models::wan::{WanConfig, diffusers_from_original};

use super::a2_condition::channels;
use super::case::Case;
use super::check::Check;
use super::fake_vae::FakeVae;
use super::method_network::{Network, Values, at, compare, squared_error, stacked};
use super::wan_config::{diffusers_config, size};
use super::{Kind, Result};

/// `A2Model` with the guidance of its pipeline.
pub(super) const KIND: Kind = Kind {
    name: "SkyReels-A2",
    recognises: |case| case.has("/config", "image_dim") && case.has("/inputs", "clip0"),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let (network, told) = scene(case)?;
    let (latents, timestep) = (case.input("latents")?, case.number("/inputs/timestep/value")?);
    let shown = RefCell::new(Values::new());
    let observe = |name: &str, value: &Tensor| {
        shown.borrow_mut().insert(name.to_owned(), value.detach());
    };
    let pass = network.method.pass(&told.prompt, &told.identity, &latents)?;
    let sample = pass.velocities(&latents, &at(timestep)?, Some(&observe))?.swap_remove(0);
    let mut found = Values::from([("sample".to_owned(), sample)]);
    for (name, value) in shown.into_inner() {
        match name.strip_prefix("blocks.") {
            Some(block) => found.insert(format!("mid.block{block}"), value),
            None if name == "img_emb" => found.insert("mid.image_tokens".to_owned(), value),
            None => None,
        };
    }
    let (frames, steps) = (latents.dim(2)?, case.list("/expected/timesteps")?.len());
    let shift = case.number("/expected/shift")?;
    let table = SigmaTable::DiffusersUnipc;
    let settings = SamplerSettings { solver: SolverKind::UniPc, table, steps, shift };
    let course = network.trajectory(case, &told, (&latents, frames, settings))?;
    found.insert("unipc4.noise_pred".to_owned(), stacked(&course.velocities)?);
    found.insert("unipc4.latents".to_owned(), stacked(&course.latents)?);
    let variable = Var::from_tensor(&latents)?;
    let input = (variable.as_tensor(), timestep);
    let velocity = network.velocity(input, &told.prompt, &told.identity)?;
    let loss = squared_error(&velocity, &case.input("target")?)?;
    let gradients = network.gradients(&loss, &[("latents", &variable)])?;
    let loss = f64::from(loss.to_scalar::<f32>()?);
    let mut checks = compare(case, &found, (loss, &gradients))?;
    checks.extend(course.checks);
    Ok(checks)
}

/// The network, and what it is told in both passes.
fn scene(case: &Case) -> Result<(Network, Told)> {
    let mut mechanism = skyreels_a2(size(case, "image_dim")?);
    mechanism.passes[1].scale = case.number("/expected/guidance")?;
    let base = WanConfig { image: None, ..diffusers_config(case)? };
    let mut weights = case.weights()?;
    weights.retain(|name, _| !FakeVae::owns(name));
    let diffusers = |name: &str| diffusers_from_original(name).unwrap_or_else(|| name.to_owned());
    let network = Network::new(&mechanism, &base, &weights, diffusers)?;
    let mut tokens = vec![];
    while case.has("/inputs", &format!("clip{}", tokens.len())) {
        tokens.push(case.input(&format!("clip{}", tokens.len()))?);
    }
    let codec = (&FakeVae::new(case)?, size(case, "num_frames")?);
    let identity = Identity {
        channels: Some(channels(case, codec, tokens.len(), true)?),
        image: Some(Tensor::cat(&tokens, 1)?),
        ..Identity::default()
    };
    let (prompt, negative) = (case.input("context")?, case.input("context_neg")?);
    let blank = identity.blank(None)?;
    Ok((network, Told { prompt, negative, identity, blank }))
}
