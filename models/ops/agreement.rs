//! How the tests of the operations compare: against the naive composition, and by differences.

use candle_core::{DType, Device, Result, Shape, Tensor, Var};

use super::gradcheck;
use crate::stream::Stream;

type Function<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

/// A normal f32 tensor, the same for the same shape and seed.
pub(crate) fn sample<S: Into<Shape>>(shape: S, seed: u64) -> Tensor {
    Stream::new(seed, "ops/test", 0).normal_tensor(shape, 1.0, &Device::Cpu).unwrap()
}

/// Fails unless `fused` and `naive` agree in value and in every gradient, in f32 (the kernels) and
/// in f64 (the plain path), and small ones with central differences too.
pub(crate) fn assert_agrees(fused: Function, naive: Function, inputs: &[Tensor]) {
    for (dtype, tolerance) in [(DType::F32, 2e-5), (DType::F64, 1e-10)] {
        let inputs: Vec<Tensor> = inputs.iter().map(|x| x.to_dtype(dtype).unwrap()).collect();
        let found = value_and_gradients(fused, &inputs).unwrap();
        let expected = value_and_gradients(naive, &inputs).unwrap();
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found.shape(), expected.shape(), "{dtype:?}, place {place}");
            assert_eq!(found.dtype(), dtype);
            let error = largest(&(found - expected).unwrap());
            let bound = tolerance * largest(expected).max(1.0);
            assert!(error <= bound, "{dtype:?}, place {place} (0 is the value): {error} > {bound}");
        }
        let differences = if dtype == DType::F64 { 1e-6 } else { 2e-2 };
        gradcheck(fused, &inputs, differences).unwrap();
    }
}

/// The value, then the gradient of its weighted sum in each input.
fn value_and_gradients(f: Function, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let vars = inputs.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let value = f(&tracked)?;
    let weights = sample(value.shape(), 99).to_dtype(value.dtype())?;
    let gradients = (&value * weights)?.sum_all()?.backward()?;
    let mut found = vec![value.detach()];
    for var in &vars {
        found.push(gradients.get(var).expect("every input has a gradient").clone());
    }
    Ok(found)
}

fn largest(x: &Tensor) -> f64 {
    let values = x.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
    // NaN counts as infinitely wrong.
    values
        .into_iter()
        .fold(0.0, |most, x| if x.is_nan() { f64::INFINITY } else { most.max(x.abs()) })
}
