//! Checks the gradients of all parameters of a module against finite differences, for tests.

use candle_core::{Result, Tensor};

use crate::gradients::Gradients;
use crate::params::{Param, Params};
use crate::stream::Stream;

/// Change of the output aimed at, to both sides: f32 outputs of order 1 are exact to about 1e-7,
/// which leaves the slope four digits.
const CHANGE: f64 = 0.01;
/// Longest step of a parameter, where the output hardly depends on it.
const LONGEST_STEP: f64 = 5e-3;
const TOLERANCE: f64 = 1e-2;

/// Panics unless, for every trained parameter, the slope of a fixed weighting of `output` agrees
/// with its gradient along two directions: the gradient's own (a wrong factor shows) and random
/// signs (a missing or misplaced element shows).
pub(crate) fn check_parameter_gradients(params: &Params, output: &dyn Fn() -> Result<Tensor>) {
    let y = output().unwrap();
    let weights =
        Stream::new(5, "test/weights", 0).normal_tensor(y.shape(), 1.0, y.device()).unwrap();
    let mut store = (&y * &weights).unwrap().sum_all().unwrap().backward().unwrap();
    let gradients = Gradients::take(params, &mut store);
    let weights = values(&weights);
    let weighted = || values(&output().unwrap()).iter().zip(&weights).map(|(y, w)| y * w).sum();
    for (at, param) in params.iter().enumerate().filter(|(_, param)| param.is_trained()) {
        let gradient = gradients.at(at).unwrap_or_else(|| panic!("`{}` has none", param.name()));
        let gradient = values(gradient);
        let length = norm(&gradient);
        assert!(length > 1e-4, "`{}` has a gradient of length {length}", param.name());
        let mut stream = Stream::new(6, param.name(), 0);
        let signs: Vec<f64> =
            gradient.iter().map(|_| if stream.chance(0.5) { 1.0 } else { -1.0 }).collect();
        for direction in [&gradient, &signs] {
            let unit: Vec<f64> = direction.iter().map(|x| x / norm(direction)).collect();
            let step = LONGEST_STEP.min(CHANGE / length);
            let expected = slope(param, &unit, step, &weighted);
            let found: f64 = gradient.iter().zip(&unit).map(|(g, u)| g * u).sum();
            let error = (found - expected).abs() / length;
            assert!(error < TOLERANCE, "`{}`: {found}, differences {expected}", param.name());
        }
    }
}

fn slope(param: &Param, unit: &[f64], step: f64, weighted: &dyn Fn() -> f64) -> f64 {
    let start = values(param.var());
    let set = |step: f64| {
        let moved: Vec<f32> =
            start.iter().zip(unit).map(|(value, u)| (value + step * u) as f32).collect();
        let moved = Tensor::from_vec(moved, param.var().shape(), param.var().device()).unwrap();
        param.var().set(&moved).unwrap();
    };
    let at = |step: f64| {
        set(step);
        weighted()
    };
    let slope = (at(step) - at(-step)) / (2.0 * step);
    set(0.0);
    slope
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f64::from).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
