//! Goldens of 6DRepNet: its deployed form, its training form, and the one made from the other.

use candle_core::{Device, Tensor};
use ffrun_models::eval::network::ImageNetwork;
use ffrun_models::eval::rotations::rotations_from_6d;
use ffrun_models::eval::sixdrepnet::{Form, SixDRepNet};
use ffrun_models::rotation::Euler;

use super::case::{Case, numbers};
use super::check::Check;
use super::image_network::{Seen, build, weight_names};
use super::{Kind, Result, parameter_lengths};

/// 6DRepNet, told by its last layer.
pub(super) const KIND: Kind = Kind {
    name: "pose network",
    recognises: |case| weight_names(case).any(|name| name == "linear_reg.weight"),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let image = case.input("image")?;
    let trains = weight_names(case).any(|name| name == "layer0.rbr_dense.conv.weight");
    let form = if trains { Form::Train } else { Form::Deploy };
    let (mut network, params) = build(case, |params| Ok(SixDRepNet::new(params, form, 0)?))?;
    let seen = Seen::by(&network, &image)?;
    let mut checks = outputs(case, &seen, "")?;
    checks.extend(parameter_lengths::of_probed(case, &params, &seen.output)?);
    drop((seen, params));
    let merged = network.merged_blocks()?;
    for name in case.outputs() {
        if let Some(weight) = name.strip_prefix("deploy_weight.") {
            let weight = merged.get(weight).ok_or(format!("no merged `{weight}`"))?;
            checks.extend(case.check(name, weight)?);
        }
    }
    network.fold()?;
    let prefix = if trains { "deploy." } else { "" };
    checks.extend(outputs(case, &Seen::by(&network, &image)?, prefix)?);
    Ok(checks)
}

/// The outputs whose names start with `prefix`; without one, those of the network as it is.
fn outputs(case: &Case, seen: &Seen, prefix: &str) -> Result<Vec<Check>> {
    let vectors = seen.output.detach();
    let rotations = rotations_from_6d(&vectors)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let plain = match name.strip_prefix(prefix) {
            Some(plain) if !plain.starts_with("deploy") => plain,
            _ => continue,
        };
        let value = match plain {
            "feature" => seen.tapped("feature")?,
            "ortho6d" => vectors.clone(),
            "rotation" => rotations.clone(),
            "euler_deg_pitch_yaw_roll" => angles(&rotations)?,
            _ => seen.tapped(plain.strip_prefix("mid.").ok_or(format!("output `{name}`?"))?)?,
        };
        checks.extend(case.check(name, &value)?);
    }
    Ok(checks)
}

fn angles(rotations: &Tensor) -> Result<Tensor> {
    let rows: Vec<Vec<f64>> = numbers(rotations)?
        .chunks(9)
        .map(|r| Euler::from_rotation(&[0, 3, 6].map(|at| [r[at], r[at + 1], r[at + 2]])))
        .map(|euler| euler.to_degrees().to_vec())
        .collect();
    Ok(Tensor::new(rows, &Device::Cpu)?)
}
