//! Goldens of HunyuanCustom: a reference frame in front of the video, an Euler trajectory with
//! guidance, and gradients, in the network it was published in.

use std::ops::ControlFlow;

use candle_core::{Tensor, Var};
use ffrun_models::flow::{Guidance, Sampler, SamplerSettings, SigmaTable, SolverKind, sample};
use ffrun_models::wan::RotaryAxes;

use super::case::{Case, floats};
use super::check::Check;
use super::foreign_weights::ForeignWeights;
use super::method_network::{Values, compare, squared_error, stacked};
use super::mmdit::{MmDit, Telling};
use super::wan_config::{sides, size};
use super::{Kind, Result};

/// `HYVideoDiffusionTransformer`.
pub(super) const KIND: Kind = Kind {
    name: "HunyuanCustom",
    recognises: |case| case.has("/config", "depth_double_blocks"),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let network = network(case)?;
    let latents = Var::from_tensor(&case.input("latents")?)?;
    let reference = Var::from_tensor(&case.input("ref_latents")?)?;
    let (text, pooled) = (case.input("text_states")?, case.input("text_states_2")?);
    let length = case.number("/inputs/text_mask_length/value")? as usize;
    let telling = Telling { text: &text, length, pooled: &pooled, reference: &reference };
    let mut found = Values::new();
    let timestep = case.number("/inputs/t/value")?;
    let sample = network.forward((&latents, timestep), telling, &mut |name, value| {
        found.insert(name, value.detach());
    })?;
    found.insert("sample".into(), sample.detach());
    let loss = squared_error(&sample, &case.input("target")?)?;
    let store = loss.backward()?;
    let inputs = [("input.latents", &latents), ("input.ref_latents", &reference)];
    let mut gradients = Values::new();
    for (name, var) in network.weights.iter().chain(inputs) {
        let gradient = store.get(var).ok_or(format!("no gradient of `{name}`"))?;
        gradients.insert(name.to_owned(), gradient.detach());
    }
    let mut checks = trajectory(case, &network, telling, &mut found)?;
    let loss = f64::from(loss.to_scalar::<f32>()?);
    checks.extend(compare(case, &found, (loss, &gradients))?);
    Ok(checks)
}

/// Four steps with guidance; both passes see the reference.
fn trajectory(
    case: &Case,
    network: &MmDit,
    told: Telling,
    found: &mut Values,
) -> Result<Vec<Check>> {
    let (text, pooled) = (case.input("text_states_neg")?, case.input("text_states_2_neg")?);
    let length = case.number("/inputs/text_mask_length_neg/value")? as usize;
    let untold = Telling { text: &text, length, pooled: &pooled, ..told };
    let settings = SamplerSettings {
        solver: SolverKind::Euler,
        table: SigmaTable::Diffsynth,
        steps: case.list("/expected/timesteps")?.len(),
        shift: case.number("/expected/shift")?,
    };
    let sampler = Sampler::new(&settings)?;
    let expected = |key: &str| floats(&case.json["expected"][key]);
    let tolerance = case.tolerance("expected");
    let schedule = sampler.schedule();
    let mut checks = tolerance.compare("timesteps", schedule.timesteps(), &expected("timesteps"));
    checks.extend(tolerance.compare("sigmas", schedule.sigmas(), &expected("sigmas")));
    let guidance = Guidance::classifier_free(case.number("/expected/guidance")?);
    let (mut velocities, mut latents) = (vec![], vec![]);
    let mut predict = |latent: &Tensor, timestep: f64, _: &[ffrun_models::flow::Pass]| {
        let pass = |telling: Telling| {
            let velocity = network.forward((latent, timestep), telling, &mut |_, _| ());
            velocity.map(|v| v.detach()).map_err(|e| candle_core::Error::msg(e.to_string()))
        };
        let passes = vec![pass(untold)?, pass(told)?];
        velocities.push(guidance.combine(&passes)?);
        Ok(passes)
    };
    sample(sampler, &guidance, &case.input("latents")?, &mut predict, &mut |progress| {
        latents.push(progress.latent.clone());
        ControlFlow::Continue(())
    })?;
    found.insert("euler4.noise_pred".into(), stacked(&velocities)?);
    found.insert("euler4.latents".into(), stacked(&latents)?);
    Ok(checks)
}

fn network(case: &Case) -> Result<MmDit> {
    let weights = case.weights()?;
    let blocks = "txt_in.individual_token_refiner.blocks.";
    let named = weights.keys().filter_map(|name| name.strip_prefix(blocks)?.split_once('.'));
    let refiner_blocks = named.map(|(at, _)| at).collect::<std::collections::BTreeSet<_>>().len();
    let three = |key: &str| -> Result<[usize; 3]> {
        let sides = sides(&case.json["config"][key]);
        Ok(sides.try_into().map_err(|_| "not three sides")?)
    };
    let pairs = three("rope_dim_list")?.map(|width| width / 2);
    Ok(MmDit {
        heads: size(case, "num_heads")?,
        double_blocks: size(case, "depth_double_blocks")?,
        single_blocks: size(case, "depth_single_blocks")?,
        refiner_blocks,
        patch: three("patch_size")?,
        axes: RotaryAxes { pairs, theta: case.number("/config/rope_theta")? },
        weights: ForeignWeights::new(weights)?,
    })
}
