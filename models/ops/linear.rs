//! The linear map y = x·Wᵀ + b: one product forward, two backward, none for what is frozen.

use candle_core::{Result, Tensor, bail};

use super::gemm::{Former, Matrix, multiply_parallel};
use super::record::{Rule, Step, Value, record};
use super::row_sum;
use super::values::{expect_shape, on_fast_path, rows_and_width, tensor_like, with_values};

/// y = x·Wᵀ + b. Operands that ask for no gradient get none computed, unlike in candle's `matmul`.
///
/// # Shapes
/// `x` (…, K), `weight` (O, K), `bias` (O) → (…, O).
///
/// # Errors
/// When the shapes do not fit together.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (rows, inner) = rows_and_width("linear", x)?;
    let &[outer, weight_inner] = weight.dims() else {
        bail!("`linear` expects a weight (O, K), found {:?}", weight.dims())
    };
    if weight_inner != inner {
        bail!(
            "`linear` expects the last dimensions of input and weight to agree, found {:?} and {:?}",
            x.dims(),
            weight.dims()
        );
    }
    if let Some(bias) = bias {
        expect_shape("linear", "bias", bias, outer)?;
    }
    let flat = x.reshape((rows, inner))?.contiguous()?;
    let weight = weight.contiguous()?;
    let value = forward(&flat, &weight, bias)?;
    let y = match bias {
        None => record([&flat, &weight], value, Linear)?,
        Some(bias) => record([&flat, &weight, &bias.contiguous()?], value, Linear)?,
    };
    let mut shape = x.dims().to_vec();
    shape.pop();
    shape.push(outer);
    y.reshape(shape)
}

fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Value> {
    let (rows, inner) = x.dims2()?;
    let outer = weight.dim(0)?;
    if !on_fast_path(&[x, weight]) || bias.is_some_and(|bias| !on_fast_path(&[bias])) {
        let y = x.detach().matmul(&weight.detach().t()?)?;
        let biased = bias.map(|bias| y.broadcast_add(&bias.detach()));
        return Ok(Value::Plain(biased.transpose()?.unwrap_or(y)));
    }
    let (mut y, former) = match bias {
        None => (vec![0.0; rows * outer], Former::Overwrite),
        Some(bias) => (with_values([&bias.contiguous()?], |[b]| Ok(b.repeat(rows)))?, Former::Add),
    };
    with_values([x, weight], |[x, weight]| {
        let weight = Matrix::new(weight, outer, inner).t();
        multiply_parallel(&mut y, former, Matrix::new(x, rows, inner), weight);
        Ok(())
    })?;
    Ok(Value::host(y, (rows, outer)))
}

struct Linear;

impl Rule<2> for Linear {
    const NAME: &'static str = "linear";

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        products(&step.operands, step.wanted, &step.grad)
    }
}

impl Rule<3> for Linear {
    const NAME: &'static str = "linear";

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([x, weight, _], [want_x, want_weight, want_bias]) = (&step.operands, step.wanted);
        let operands = [x.clone(), weight.clone()];
        let [in_x, in_weight] = products(&operands, [want_x, want_weight], &step.grad)?;
        let in_bias = want_bias.then(|| row_sum(&step.grad)).transpose()?;
        Ok([in_x, in_weight, in_bias])
    }
}

/// ∂/∂x = g·W and ∂/∂W = gᵀ·x.
fn products(
    [x, weight]: &[Tensor; 2],
    [want_x, want_weight]: [bool; 2],
    grad: &Tensor,
) -> Result<[Option<Tensor>; 2]> {
    if !on_fast_path(&[x, weight, grad]) {
        let in_x = want_x.then(|| grad.matmul(weight)).transpose()?;
        let in_weight = want_weight.then(|| grad.t()?.matmul(x)).transpose()?;
        return Ok([in_x, in_weight]);
    }
    let (rows, inner) = x.dims2()?;
    let outer = weight.dim(0)?;
    with_values([x, weight, grad], |[x_values, weight_values, grad]| {
        let grad = Matrix::new(grad, rows, outer);
        let product = |like: &Tensor, left, values, rows_of_right| {
            let mut target = vec![0.0; like.elem_count()];
            let right = Matrix::new(values, rows_of_right, inner);
            multiply_parallel(&mut target, Former::Overwrite, left, right);
            tensor_like(target, like)
        };
        let in_x = want_x.then(|| product(x, grad, weight_values, outer)).transpose()?;
        let in_weight =
            want_weight.then(|| product(weight, grad.t(), x_values, rows)).transpose()?;
        Ok([in_x, in_weight])
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{Tensor, Var};

    use super::linear;
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradients_agree_with_the_composition() {
        for (rows, inner, outer) in [(1, 1, 1), (5, 3, 4), (300, 2, 3)] {
            let inputs = [sample((1, rows, inner), 1), sample((outer, inner), 2), sample(outer, 3)];
            let product = |x: &[Tensor]| x[0].broadcast_matmul(&x[1].t()?);
            assert_agrees(&|x| linear(&x[0], &x[1], None), &product, &inputs[..2]);
            let naive = |x: &[Tensor]| product(x)?.broadcast_add(&x[2]);
            assert_agrees(&|x| linear(&x[0], &x[1], Some(&x[2])), &naive, &inputs);
        }
    }

    #[test]
    fn frozen_operands_get_no_gradient() {
        let x = Var::from_tensor(&sample((2, 3), 1)).unwrap();
        let (weight, bias) = (sample((4, 3), 2), sample(4, 3));
        let y = linear(&x, &weight, Some(&bias)).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        assert!(grads.get(&x).is_some());
        assert!(grads.get(&weight).is_none() && grads.get(&bias).is_none());
    }

    #[test]
    fn a_gradient_holds_no_graph() {
        let x = Var::from_tensor(&sample((2, 3), 1)).unwrap();
        let w = Var::from_tensor(&sample((4, 3), 2)).unwrap();
        let loss = linear(&x, &w, None).unwrap().sqr().unwrap().sum_all().unwrap();
        let grads = loss.backward().unwrap();
        assert!(!grads.get(&w).unwrap().track_op() && !grads.get(&x).unwrap().track_op());
    }

    #[test]
    fn shapes_that_do_not_fit_are_both_named() {
        let text = linear(&sample((2, 3), 1), &sample((4, 5), 2), None).unwrap_err().to_string();
        assert!(text.contains("[2, 3]") && text.contains("[4, 5]"), "{text}");
    }
}
