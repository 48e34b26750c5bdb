//! Goldens of InceptionV3 features, in torchvision's and the FID's form.

use ffrun_models::eval::inception::{Form, Inception};
use ffrun_models::eval::network::ImageNetwork;

use super::case::Case;
use super::check::Check;
use super::image_network::{Seen, build, weight_names};
use super::{Kind, Result, parameter_lengths};

/// InceptionV3, told by its last block; torchvision's form by the output `feature`.
pub(super) const KIND: Kind = Kind {
    name: "inception",
    recognises: |case| weight_names(case).any(|name| name == "Mixed_7c.branch1x1.conv.weight"),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let form = if case.has("/outputs", "feature") { Form::TorchVision } else { Form::Fid };
    let (mut network, params) = build(case, |params| Ok(Inception::new(params, form, 0)?))?;
    let mut checks = vec![];
    if case.has("", "param_grad_l2") {
        let output = network.forward(&case.input("image299")?)?;
        checks.extend(parameter_lengths::of_probed(case, &params, &output)?);
    }
    checks.extend(outputs(case, &network)?);
    drop(params);
    network.fold()?;
    checks.extend(outputs(case, &network)?);
    Ok(checks)
}

fn outputs(case: &Case, network: &Inception) -> Result<Vec<Check>> {
    let large = Seen::by(network, &case.input("image299")?)?;
    let mut small = None;
    if case.has("/inputs", "image112") {
        small = Some(Seen::by(network, &case.input("image112")?)?);
    }
    let small = || small.as_ref().ok_or("an output of an input that is not there");
    let features = large.output.detach();
    let mut checks = vec![];
    for name in case.outputs() {
        let value = match name {
            "feature" | "pool3_299" => features.clone(),
            "pool3_112" => small()?.output.detach(),
            "resized_112_to_299" => small()?.tapped("resized")?,
            "squared_distance" => {
                (features.get(0)? - features.get(1)?)?.sqr()?.sum_all()?.reshape(1)?
            }
            _ => large.tapped(name.strip_prefix("mid.").ok_or(format!("output `{name}`?"))?)?,
        };
        checks.extend(case.check(name, &value)?);
    }
    Ok(checks)
}
