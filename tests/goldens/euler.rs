//! Goldens of the sinusoidal embedding and the MLP behind it.

use candle_core::{Device, Tensor};
use ffrun_models::linear::Linear;
use ffrun_models::ops;
use ffrun_models::params::Params;
use ffrun_models::sinusoid::Sinusoid;

use super::case::{Case, numbers};
use super::check::Check;
use super::{Kind, Result};

/// The sinusoidal embedding of angles.
pub(super) const KIND: Kind =
    Kind { name: "sinusoid", recognises: |case| case.has("/inputs", "angles"), run };

/// Outputs are named by their settings: `dim64_flip1_shift0_scale1`, `mlp_on_dim64_flip1_shift0`.
fn run(case: &Case) -> Result<Vec<Check>> {
    let angles = numbers(&case.input("angles")?)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let (settings, through_mlp) = match name.strip_prefix("mlp_on_") {
            Some(settings) => (settings, true),
            None => (name, false),
        };
        let features = embed(&angles, parse(settings)?)?;
        let found = if through_mlp { mlp(case, &features)? } else { features };
        checks.extend(case.check(name, &found)?);
    }
    Ok(checks)
}

fn parse(settings: &str) -> Result<Sinusoid> {
    let mut sinusoid = Sinusoid { dim: 0, cos_first: false, shift: 0.0, scale: 1.0 };
    for setting in settings.split('_') {
        let digits =
            setting.find(|c: char| c.is_ascii_digit()).ok_or("a setting without a number")?;
        let (key, value) = setting.split_at(digits);
        match key {
            "dim" => sinusoid.dim = value.parse()?,
            "flip" => sinusoid.cos_first = value == "1",
            "shift" => sinusoid.shift = value.parse()?,
            "scale" => sinusoid.scale = value.parse()?,
            _ => return Err(format!("unknown setting `{key}`").into()),
        }
    }
    Ok(sinusoid)
}

fn embed(angles: &[f64], sinusoid: Sinusoid) -> Result<Tensor> {
    let features: Vec<f32> = angles.iter().flat_map(|&angle| sinusoid.embed(angle)).collect();
    Ok(Tensor::from_vec(features, (angles.len(), sinusoid.dim), &Device::Cpu)?)
}

fn mlp(case: &Case, features: &Tensor) -> Result<Tensor> {
    let weights = case.weights()?;
    let mut params = Params::new(&Device::Cpu);
    let mut layer = |name: &str| -> Result<Linear> {
        let weight = weights.get(&format!("{name}.weight")).ok_or("no weight of the MLP")?;
        let (outputs, inputs) = weight.dims2()?;
        Ok(Linear::new(&mut params, name, (inputs, outputs), 0)?)
    };
    let (first, second) = (layer("linear_1")?, layer("linear_2")?);
    params.load(&weights)?;
    Ok(second.forward(&ops::silu(&first.forward(features)?)?)?)
}
