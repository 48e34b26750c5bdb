//! `param_grad_l2`: the length of the gradient in every parameter, one number each.

use candle_core::Tensor;
use candle_core::backprop::GradStore;
use ffrun_models::params::{Param, Params};

use super::Result;
use super::case::{Case, numbers};
use super::check::{Check, Tolerance};
use super::fill::Fill;

/// Σ x·fill("input.grad_probe"), the loss that such cases take their gradients of.
pub(super) fn probed(x: &Tensor) -> Result<Tensor> {
    let probe = Fill::new("input.grad_probe").values(x.elem_count(), 0.0, 1.0);
    Ok((x * Tensor::from_vec(probe, x.shape(), x.device())?)?.sum_all()?)
}

/// The gradients of Σ output · fill("input.grad_probe").
pub(super) fn of_probed(case: &Case, params: &Params, output: &Tensor) -> Result<Vec<Check>> {
    of_loss(case, params, &probed(output)?, |name| Some(name.to_owned()))
}

/// Compares the length of the gradient of `loss` in each parameter that the case lists, all trained
/// ones among them; `listed` gives the case's name of a parameter.
pub(super) fn of_loss(
    case: &Case,
    params: &Params,
    loss: &Tensor,
    listed: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Check>> {
    let lengths = case.json["param_grad_l2"].as_object().ok_or("no lengths of gradients")?;
    let store = loss.backward()?;
    let mut named = vec![];
    for param in params.iter() {
        let name = listed(param.name()).ok_or(format!("no other name of `{}`", param.name()))?;
        named.push((name, param));
    }
    let trained = named.iter().filter(|(_, param)| param.is_trained());
    let unlisted: Vec<&String> =
        trained.map(|(name, _)| name).filter(|name| !lengths.contains_key(*name)).collect();
    let mut checks = vec![Check::exact(format!("unlisted {unlisted:?}"), unlisted.is_empty())];
    for (name, expected) in lengths {
        let expected = expected.as_f64().ok_or("a length that is no number")?;
        let found = named.iter().find(|(listed, _)| listed == name);
        let (_, param) = found.ok_or(format!("no parameter `{name}`"))?;
        checks.extend(compare(case, param, &store, expected)?);
    }
    Ok(checks)
}

/// A length is right when either bound holds: near zero the relative one means nothing.
fn compare(case: &Case, param: &Param, store: &GradStore, expected: f64) -> Result<Vec<Check>> {
    let name = param.name();
    let gradient = store.get(param.var()).ok_or(format!("`{name}` has no gradient"))?;
    let length = numbers(gradient)?.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut bounds = case.tolerance("param_grad_l2").0.clone();
    if bounds.get("abs").and_then(serde_json::Value::as_f64).is_some_and(|abs| expected < abs) {
        bounds["rel"] = serde_json::Value::Null;
    } else if bounds.get("rel").is_some() {
        bounds["abs"] = serde_json::Value::Null;
    }
    let what = format!("gradient of {name}");
    Ok(Tolerance(&bounds).compare(&what, &[length], &[expected]))
}
