//! Checks analytic gradients against central differences.

use candle_core::{DType, Result, Tensor, Var, bail};

/// Fails unless the gradients of `f` in each of `inputs` agree with central differences.
///
/// The output of `f` is weighted by fixed numbers of mixed sign and summed, so that errors in
/// different elements cannot cancel. An element is wrong when it is off by more than `tolerance`
/// times the larger of 1 and the input's largest slope. Inputs are f32 (tolerances of 1e-2 to 1e-3
/// are within reach) or f64 (1e-6); `f` must be smooth within 1/100 of them. The cost is two
/// evaluations an element: keep the inputs small.
///
/// # Errors
/// When `f` fails, when no gradient reaches an input, or when one is wrong: the message names the
/// input, the element and both slopes.
pub fn gradcheck(
    f: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
    tolerance: f64,
) -> Result<()> {
    let vars = inputs.iter().map(|x| Var::from_tensor(&x.copy()?)).collect::<Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let gradients = weighted_sum(&f(&tracked)?)?.backward()?;
    for (index, var) in vars.iter().enumerate() {
        let Some(gradient) = gradients.get(var) else {
            bail!("no gradient reaches input {index}, of shape {:?}", var.shape())
        };
        if gradient.shape() != var.shape() {
            bail!(
                "the gradient in input {index} has shape {:?}, the input {:?}",
                gradient.shape(),
                var.shape()
            );
        }
        let analytic = flat_f64(gradient)?;
        let numeric = central_differences(f, inputs, index)?;
        compare(index, &analytic, &numeric, tolerance)?;
    }
    Ok(())
}

/// The slopes of the weighted sum in every element of one input.
fn central_differences(
    f: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
    index: usize,
) -> Result<Vec<f64>> {
    let input = &inputs[index];
    let values = flat_f64(input)?;
    // Balances truncation (∝ step²) against rounding (∝ 1/step) in each number type.
    let step = if input.dtype() == DType::F64 { 1e-5 } else { 5e-3 };
    let at = |element: usize, shift: f64| -> Result<f64> {
        let mut moved = values.clone();
        moved[element] += shift;
        let moved = Tensor::from_vec(moved, input.shape(), input.device())?;
        let mut shifted = inputs.to_vec();
        shifted[index] = moved.to_dtype(input.dtype())?;
        weighted_sum(&f(&shifted)?)?.to_dtype(DType::F64)?.to_scalar()
    };
    (0..values.len())
        .map(|element| Ok((at(element, step)? - at(element, -step)?) / (2.0 * step)))
        .collect()
}

fn compare(index: usize, analytic: &[f64], numeric: &[f64], tolerance: f64) -> Result<()> {
    let steepest = numeric.iter().fold(1.0, |most: f64, slope| most.max(slope.abs()));
    for (element, (found, expected)) in analytic.iter().zip(numeric).enumerate() {
        // Written so that NaN fails.
        let agrees = (found - expected).abs() <= tolerance * steepest;
        if !agrees {
            bail!(
                "the gradient in input {index}, element {element}, is {found}, \
                 but central differences give {expected} (tolerance {tolerance} of {steepest})"
            );
        }
    }
    Ok(())
}

/// Σ weight · y in f64, with weights in [−1, 1] that repeat every 17 elements.
fn weighted_sum(y: &Tensor) -> Result<Tensor> {
    let weights: Vec<f64> =
        (0..y.elem_count()).map(|i| ((i * 31 + 7) % 17) as f64 / 8.0 - 1.0).collect();
    let weights = Tensor::from_vec(weights, y.shape(), y.device())?;
    (y.to_dtype(DType::F64)? * weights)?.sum_all()
}

fn flat_f64(x: &Tensor) -> Result<Vec<f64>> {
    x.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
}

#[cfg(test)]
mod tests {
    use candle_core::{D, Device, Tensor};

    use super::gradcheck;

    #[test]
    fn right_gradients_pass_and_cut_or_wrong_ones_are_named() {
        let x = Tensor::new(&[[0.3_f32, -0.7, 1.1], [0.2, 0.9, -1.3]], &Device::Cpu).unwrap();
        let inputs = [x];
        gradcheck(&|x| x[0].tanh()?.sqr(), &inputs, 1e-3).unwrap();

        let cut = gradcheck(&|x| x[0].detach().sqr(), &inputs, 1e-3).unwrap_err();
        assert!(cut.to_string().contains("no gradient reaches input 0"), "{cut}");

        // Each of two tied maxima gets the whole gradient in candle.
        let tied = |x: &[Tensor]| Tensor::stack(&[&x[0], &x[0]], D::Minus1)?.max(D::Minus1);
        let wrong = gradcheck(&tied, &inputs, 1e-3).unwrap_err();
        assert!(wrong.to_string().contains("input 0, element 0"), "{wrong}");
    }
}
