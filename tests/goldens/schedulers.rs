//! Goldens of the samplers, and of the flow-matching objective.

use candle_core::{DType, Device, Tensor};
use ffrun_models::flow::{
    FlowMatching, Guidance, NoiseLevels, Sampler, SamplerSettings, SigmaTable, SolverKind,
    Weighting, shifted,
};
use serde_json::Value;

use super::case::{Case, floats, integers};
use super::check::Check;
use super::{Kind, Result};

/// Sampling runs along a velocity field that the case's notes give as a formula.
pub(super) const KIND: Kind = Kind {
    name: "schedulers",
    recognises: |case| case.has("/expected", "train_indices") && runs(case).next().is_some(),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for (name, expected) in runs(case) {
        checks.extend(trajectory(case, name, expected)?);
    }
    checks.extend(objective(case)?);
    Ok(checks)
}

/// The runs expected: entries with noise levels, e.g. `unipc_shift3_n10`.
fn runs(case: &Case) -> impl Iterator<Item = (&str, &Value)> {
    let expected = case.json["expected"].as_object().into_iter().flatten();
    expected.map(|(name, run)| (name.as_str(), run)).filter(|(_, run)| run["sigmas"].is_array())
}

/// One run: every noise level, every timestep, and the latents stored.
fn trajectory(case: &Case, name: &str, expected: &Value) -> Result<Vec<Check>> {
    let mut sampler = Sampler::new(&settings(name)?)?;
    let schedule = sampler.schedule().clone();
    let mut checks = case.tolerance("expected.sigmas").compare(
        &format!("{name} sigmas"),
        schedule.sigmas(),
        &floats(&expected["sigmas"]),
    );
    checks.extend(case.tolerance("expected.timesteps").compare(
        &format!("{name} timesteps"),
        schedule.timesteps(),
        &floats(&expected["timesteps"]),
    ));
    let stored = integers(&expected["steps_stored"]);
    let (mut x, mut kept, mut step) = (case.input("x")?, vec![], 0);
    while let Some(timestep) = sampler.timestep() {
        // Through a plan of one pass, so that guidance is on the way too.
        let v = Guidance::none().combine(&[velocity(&x, timestep)?])?;
        x = sampler.step(&v, &x)?;
        if stored.contains(&step) {
            kept.push(x.clone());
        }
        step += 1;
    }
    checks.extend(case.check(&format!("{name}.trajectory"), &Tensor::stack(&kept, 0)?)?);
    Ok(checks)
}

/// The settings spelt by a run's name: `[wan_]solver_shiftS_nN`.
fn settings(name: &str) -> Result<SamplerSettings> {
    let mut parts = name.rsplit('_');
    let steps = parts.next().and_then(|part| part.strip_prefix('n')).ok_or("no steps")?.parse()?;
    let shift =
        parts.next().and_then(|part| part.strip_prefix("shift")).ok_or("no shift")?.parse()?;
    let solver: Vec<&str> = parts.collect();
    let (solver, table) = match solver.as_slice() {
        ["euler"] => (SolverKind::Euler, SigmaTable::DiffusersEuler),
        ["unipc"] => (SolverKind::UniPc, SigmaTable::DiffusersUnipc),
        ["unipc", "wan"] => (SolverKind::UniPc, SigmaTable::WanUnipc),
        ["dpmpp", "wan"] => (SolverKind::DpmPlusPlus, SigmaTable::WanDpm),
        _ => return Err(format!("unknown solver in `{name}`").into()),
    };
    Ok(SamplerSettings { solver, table, steps, shift })
}

/// v(x, t) = 0.7·x + 0.5·tanh(2x) + sin(0.003·t).
fn velocity(x: &Tensor, timestep: f64) -> Result<Tensor> {
    let offset = (0.003f32 * timestep as f32).sin();
    let curved = ((x * 2.0)?.tanh()? * 0.5)?;
    Ok(((x * 0.7)? + curved)?.affine(1.0, f64::from(offset))?)
}

/// Noisy latents, target and loss at the training levels of the case.
fn objective(case: &Case) -> Result<Vec<Check>> {
    let table: Vec<f64> = (0..1000).map(|i| shifted(1.0 - f64::from(i) / 1000.0, SHIFT)).collect();
    let timesteps: Vec<f64> = table.iter().map(|sigma| 1000.0 * sigma).collect();
    let levels = integers(&case.json["expected"]["train_indices"]);
    let sigmas: Vec<f64> = levels.iter().map(|&level| table[level as usize]).collect();
    let sample = FlowMatching::mix(&case.input("latents")?, &case.input("noise")?, &sigmas)?;
    let objective = FlowMatching {
        levels: NoiseLevels::Table { shift: SHIFT },
        weighting: Weighting::None,
        covers_references: true,
    };
    let rows: Vec<Tensor> = (0..sigmas.len())
        .map(|at| velocity(&sample.noisy.get(at)?, 1000.0 * sigmas[at]))
        .collect::<Result<_>>()?;
    let prediction = Tensor::stack(&rows, 0)?;
    let frames = prediction.dim(2)?;
    let loss = objective.loss(&prediction, &sample, 0..frames)?.reshape(1)?;
    let mut checks = expected_numbers(case, &table, &sample.timesteps)?;
    for (name, found) in [
        ("train_shift5_sigmas", &Tensor::new(table.as_slice(), &Device::Cpu)?),
        ("train_shift5_timesteps", &Tensor::new(timesteps.as_slice(), &Device::Cpu)?),
        ("noisy_latents", &sample.noisy),
        ("velocity_target_noise_minus_latents", &sample.target),
        ("fm_loss_mse", &loss),
    ] {
        checks.extend(case.check(name, found)?);
    }
    Ok(checks)
}

/// The shift of the case's training table, in the names of its outputs.
const SHIFT: f64 = 5.0;

fn expected_numbers(case: &Case, table: &[f64], timesteps: &Tensor) -> Result<Vec<Check>> {
    let ends = [table[0], table[table.len() - 1]];
    let expected = &case.json["expected"];
    let compare = |key: &str, found: &[f64], expected: &Value| {
        case.tolerance(&format!("expected.{key}")).compare(key, found, &floats(expected))
    };
    let times: Vec<f64> = timesteps.to_dtype(DType::F64)?.to_vec1()?;
    let train = &expected["train_shift5"];
    let mut checks = compare("sigmas", &ends, &train["sigmas_first_last"]);
    let ends = ends.map(|sigma| 1000.0 * sigma);
    checks.extend(compare("timesteps", &ends, &train["timesteps_first_last"]));
    checks.extend(compare("timesteps", &times, &expected["train_timesteps"]));
    checks.push(Check::exact("levels".into(), train["n"].as_u64() == Some(table.len() as u64)));
    Ok(checks)
}
