//! `param_grad_l2` of cases that name parameters in another way than the network.

use candle_core::Tensor;
use ffrun_models::params::Params;

use super::Result;
use super::case::{Case, numbers};
use super::check::Check;
use super::fill::Fill;

/// Σ x·fill("input.grad_probe"), the loss that such cases take their gradients of.
pub(super) fn probed(x: &Tensor) -> Result<Tensor> {
    let probe = Fill::new("input.grad_probe").values(x.elem_count(), 0.0, 1.0);
    Ok((x * Tensor::from_vec(probe, x.shape(), x.device())?)?.sum_all()?)
}

/// Compares the length of the gradient of `loss` in every parameter; `listed` gives the case's
/// name of a parameter.
pub(super) fn compare(
    case: &Case,
    params: &Params,
    loss: &Tensor,
    listed: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Check>> {
    let lengths = case.json["param_grad_l2"].as_object().ok_or("no lengths of gradients")?;
    let store = loss.backward()?;
    let mut checks =
        vec![Check::exact("number of gradients".into(), lengths.len() == params.len())];
    for param in params.iter() {
        let listed = listed(param.name()).ok_or(format!("no other name of `{}`", param.name()))?;
        let expected = lengths.get(&listed).and_then(serde_json::Value::as_f64);
        let expected = expected.ok_or(format!("no length for `{listed}`"))?;
        let gradient = store.get(param.var()).ok_or(format!("no gradient of `{listed}`"))?;
        let length = numbers(gradient)?.iter().map(|g| g * g).sum::<f64>().sqrt();
        let what = format!("gradient of {}", param.name());
        checks.extend(case.tolerance("param_grad_l2").compare(&what, &[length], &[expected]));
    }
    Ok(checks)
}
