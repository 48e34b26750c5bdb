//! `param_grad_l2`: the length of the gradient in every parameter, one number each.

use candle_core::Tensor;
use candle_core::backprop::GradStore;
use ffrun_models::params::{Param, Params};

use super::Result;
use super::case::{Case, numbers};
use super::check::{Check, Tolerance};
use super::renamed_lengths::probed;

/// The gradients of Σ output · fill("input.grad_probe").
pub(super) fn of_probed(case: &Case, params: &Params, output: &Tensor) -> Result<Vec<Check>> {
    compare(case, params, &probed(output)?.backward()?)
}

/// Compares the length of each gradient that the case lists. All trained parameters must be listed.
fn compare(case: &Case, params: &Params, store: &GradStore) -> Result<Vec<Check>> {
    let lengths = case.json["param_grad_l2"].as_object().ok_or("no lengths of gradients")?;
    let trained = params.iter().filter(|param| param.is_trained()).map(Param::name);
    let unlisted: Vec<&str> = trained.filter(|name| !lengths.contains_key(*name)).collect();
    let mut checks = vec![Check::exact(format!("unlisted {unlisted:?}"), unlisted.is_empty())];
    for (name, expected) in lengths {
        let expected = expected.as_f64().ok_or("a length that is no number")?;
        let param = params.get(name).ok_or(format!("no parameter `{name}`"))?;
        let gradient = store.get(param.var()).ok_or(format!("`{name}` has no gradient"))?;
        let length = numbers(gradient)?.iter().map(|g| g * g).sum::<f64>().sqrt();
        let mut bounds = case.tolerance("param_grad_l2").0.clone();
        // A length is right when either bound holds: near zero the relative one means nothing.
        if bounds.get("abs").and_then(serde_json::Value::as_f64).is_some_and(|abs| expected < abs) {
            bounds["rel"] = serde_json::Value::Null;
        } else {
            bounds["abs"] = serde_json::Value::Null;
        }
        let what = format!("gradient of {name}");
        checks.extend(Tolerance(&bounds).compare(&what, &[length], &[expected]));
    }
    Ok(checks)
}
