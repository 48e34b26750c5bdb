//! The linear map of a GELU, whose value is computed again in the backward pass instead of kept:
//! in a feed-forward of four times the width that is a sixth of all that a block keeps.

use candle_core::{Result, Tensor};

use super::activation::{Gelu, multiply_by_slopes, values};
use super::gemm::{Matrix, product};
use super::record::{Rule, Step, Value, record};
use super::sums::sum_of_rows;
use super::values::{expect_shape, on_fast_path, rows_and_width, tensor_like, with_values};
use super::{gelu, linear};

/// gelu(x)·Wᵀ + b, with GELU in its tanh form.
///
/// # Shapes
/// `x` (…, K), `weight` (O, K), `bias` (O) → (…, O).
///
/// # Errors
/// When the shapes do not fit together.
pub fn gelu_linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if !on_fast_path(&[x, weight, bias]) {
        return linear(&gelu(x)?, weight, Some(bias));
    }
    let (rows, inner) = rows_and_width("gelu_linear", x)?;
    let outer = bias.elem_count();
    expect_shape("gelu_linear", "weight", weight, (outer, inner))?;
    expect_shape("gelu_linear", "bias", bias, outer)?;
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    let y = with_values([&x, &weight, &bias], |[x, weight, bias]| {
        let hidden = values::<Gelu>(x);
        let weight = Matrix::new(weight, outer, inner).t();
        Ok(product(Matrix::new(&hidden, rows, inner), weight, Some(bias)))
    })?;
    let mut shape = x.dims().to_vec();
    shape.pop();
    shape.push(outer);
    record([&x, &weight, &bias], Value::host(y, shape), GeluLinear)
}

struct GeluLinear;

impl Rule<3> for GeluLinear {
    const NAME: &'static str = "gelu_linear";
    const USES: [bool; 3] = [true, true, false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([x, weight, bias], [want_x, want_weight, want_bias]) = (&step.operands, step.wanted);
        let (rows, inner) = rows_and_width("gelu_linear", x)?;
        let outer = bias.elem_count();
        let found = with_values([x, weight, &step.grad], |[x, weight, grad]| {
            let matrix = Matrix::new(grad, rows, outer);
            let in_x = || {
                let mut in_x = product(matrix, Matrix::new(weight, outer, inner), None);
                multiply_by_slopes::<Gelu>(&mut in_x, x);
                in_x
            };
            let in_weight = || {
                let hidden = values::<Gelu>(x);
                product(matrix.t(), Matrix::new(&hidden, rows, inner), None)
            };
            let in_bias = || sum_of_rows(grad, outer);
            Ok(rayon::join(
                || want_x.then(in_x),
                || (want_weight.then(in_weight), want_bias.then(in_bias)),
            ))
        })?;
        let (in_x, (in_weight, in_bias)) = found;
        Ok([
            in_x.map(|values| tensor_like(values, x)).transpose()?,
            in_weight.map(|values| tensor_like(values, weight)).transpose()?,
            in_bias.map(|values| tensor_like(values, bias)).transpose()?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::gelu_linear;
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradients_agree_with_the_composition() {
        for (rows, inner, outer) in [(1, 1, 1), (5, 3, 4), (300, 2, 3)] {
            let inputs = [sample((1, rows, inner), 1), sample((outer, inner), 2), sample(outer, 3)];
            let naive =
                |x: &[Tensor]| x[0].gelu()?.broadcast_matmul(&x[1].t()?)?.broadcast_add(&x[2]);
            assert_agrees(&|x| gelu_linear(&x[0], &x[1], &x[2]), &naive, &inputs);
        }
    }

    #[test]
    fn a_weight_of_another_width_is_refused() {
        let (x, weight, bias) = (sample((2, 3), 1), sample((4, 5), 2), sample(4, 3));
        let text = gelu_linear(&x, &weight, &bias).unwrap_err().to_string();
        assert!(text.contains("`weight`") && text.contains("[4, 5]"), "{text}");
    }
}
