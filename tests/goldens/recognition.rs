//! Goldens of the face recognisers: IResNet (ArcFace) and IR-101 (CurricularFace, TFace).

use candle_core::{DType, Device, Tensor};
use ffrun_models::eval::ir101::{Form, Ir101};
use ffrun_models::eval::iresnet::{Depth, IResNet};
use ffrun_models::eval::network::ImageNetwork;
use ffrun_models::params::Params;

use super::case::Case;
use super::check::Check;
use super::image_network::{Seen, build, weight_names};
use super::{Kind, Result, parameter_lengths};

/// Recognisers, told apart by the names of their weights.
pub(super) const KIND: Kind =
    Kind { name: "recogniser", recognises: |case| is_iresnet(case) || is_ir101(case), run };

fn run(case: &Case) -> Result<Vec<Check>> {
    let face = case.input("face")?;
    let (mut network, params) = build(case, |params| recogniser(case, params))?;
    let seen = Seen::by(network.as_ref(), &face)?;
    let mut checks = outputs(case, &seen)?;
    checks.extend(parameter_lengths::of_probed(case, &params, &seen.output)?);
    drop((seen, params));
    network.fold()?;
    checks.extend(outputs(case, &Seen::by(network.as_ref(), &face)?)?);
    Ok(checks)
}

fn outputs(case: &Case, seen: &Seen) -> Result<Vec<Check>> {
    let embeddings = seen.output.detach();
    let lengths = embeddings.sqr()?.sum_keepdim(1)?.sqrt()?;
    let normalised = embeddings.broadcast_div(&lengths)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let value = match name {
            "embedding" => embeddings.clone(),
            "embedding_normalised" => normalised.clone(),
            "cosine" => (normalised.get(0)? * normalised.get(1)?)?.sum_all()?.reshape(1)?,
            _ => seen.tapped(name.strip_prefix("mid.").ok_or(format!("output `{name}`?"))?)?,
        };
        checks.extend(case.check(name, &value)?);
    }
    Ok(checks)
}

fn recogniser(case: &Case, params: &mut Params) -> Result<Box<dyn ImageNetwork>> {
    if is_iresnet(case) {
        let depth = Depth::of_layers(layers(case))?;
        return Ok(Box::new(IResNet::new(params, depth, 0)?));
    }
    let normed = weight_names(case).any(|name| name == "body.0.res_layer.5.weight");
    let form = if normed { Form::TFace } else { Form::CurricularFace };
    Ok(Box::new(Ir101::new(params, form, 0)?))
}

/// Two convolutions a unit, the stem and the linear layer.
fn layers(case: &Case) -> usize {
    weight_names(case).filter(|name| name.contains(".conv")).count() + 2
}

fn is_iresnet(case: &Case) -> bool {
    weight_names(case).any(|name| name == "layer1.0.prelu.weight")
}

fn is_ir101(case: &Case) -> bool {
    weight_names(case).any(|name| name == "body.0.res_layer.0.weight")
}

#[test]
fn shallower_recognisers_give_one_embedding_a_face() {
    for (layers, parameters) in [(34, 34_139_328), (50, 43_590_848)] {
        let mut params = Params::frozen(&Device::Cpu);
        let depth = Depth::of_layers(layers).unwrap();
        let network = IResNet::new(&mut params, depth, 0).unwrap();
        let faces = Tensor::zeros((1, 3, 112, 112), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(network.forward(&faces).unwrap().dims(), [1, 512]);
        let is_statistic = |name: &str| name.contains(".running_");
        let weights = params.iter().filter(|param| !is_statistic(param.name()));
        assert_eq!(weights.map(|param| param.var().elem_count()).sum::<usize>(), parameters);
    }
}
