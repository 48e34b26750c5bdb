//! The linear map y = x·Wᵀ + b: one product forward, two backward, none for what is frozen.

use candle_core::{Result, Tensor, bail};

use super::gemm::{Matrix, product};
use super::record::{Rule, Step, Value, record};
use super::sums::sum_of_rows;
use super::values::{expect_shape, on_fast_path, rows_and_width, tensor_like, with_values};

/// y = x·Wᵀ + b. Operands that ask for no gradient get none computed, unlike in candle's `matmul`.
/// A weight in another type than x (see `Params::frozen_in`) is multiplied in its own type.
///
/// # Shapes
/// `x` (…, K), `weight` (O, K) or (O, …) of O·K values, `bias` (O) → (…, O).
///
/// # Errors
/// When the shapes do not fit together.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let sizes = Sizes::of(x, weight)?;
    if weight.dtype() != x.dtype() {
        let y = linear(&x.to_dtype(weight.dtype())?, weight, None)?.to_dtype(x.dtype())?;
        return bias.map_or(Ok(y.clone()), |bias| y.broadcast_add(bias));
    }
    if let Some(bias) = bias {
        expect_shape("linear", "bias", bias, sizes.outer)?;
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let bias = bias.map(Tensor::contiguous).transpose()?;
    let value = forward(&x, &weight, bias.as_ref())?;
    match &bias {
        None => record([&x, &weight], value, Linear),
        Some(bias) => record([&x, &weight, bias], value, Linear),
    }
}

/// The extents of a product.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    rows: usize,
    /// K.
    inner: usize,
    /// O.
    outer: usize,
}

impl Sizes {
    fn of(x: &Tensor, weight: &Tensor) -> Result<Self> {
        let (rows, inner) = rows_and_width("linear", x)?;
        let [outer, weight_inner @ ..] = weight.dims() else {
            bail!("`linear` expects a weight (O, K), found {:?}", weight.dims())
        };
        if weight_inner.is_empty() || weight_inner.iter().product::<usize>() != inner {
            bail!(
                "`linear` expects the last dimensions of input and weight to agree, found {:?} and {:?}",
                x.dims(),
                weight.dims()
            );
        }
        Ok(Self { rows, inner, outer: *outer })
    }
}

fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Value> {
    let Sizes { rows, inner, outer } = Sizes::of(x, weight)?;
    let mut shape = x.dims().to_vec();
    shape.pop();
    shape.push(outer);
    if !on_fast_path(&[x, weight]) || bias.is_some_and(|bias| !on_fast_path(&[bias])) {
        let weight = weight.detach().reshape((outer, inner))?;
        let y = x.detach().reshape((rows, inner))?.matmul(&weight.t()?)?;
        let biased = bias.map(|bias| y.broadcast_add(&bias.detach()));
        return Ok(Value::Plain(biased.transpose()?.unwrap_or(y).reshape(shape)?));
    }
    let of = |bias: Option<&[f32]>| {
        with_values([x, weight], |[x, weight]| {
            let weight = Matrix::new(weight, outer, inner).t();
            Ok(product(Matrix::new(x, rows, inner), weight, bias))
        })
    };
    let y = match bias {
        None => of(None)?,
        Some(bias) => with_values([bias], |[bias]| of(Some(bias)))?,
    };
    Ok(Value::host(y, shape))
}

struct Linear;

impl Rule<2> for Linear {
    const NAME: &'static str = "linear";
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let ([x, weight], [want_x, want_weight]) = (&step.operands, step.wanted);
        let [in_x, in_weight, _] =
            gradients([x, weight], [want_x, want_weight, false], &step.grad)?;
        Ok([in_x, in_weight])
    }
}

impl Rule<3> for Linear {
    const NAME: &'static str = "linear";
    const USES: [bool; 3] = [true, true, false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let [x, weight, _] = &step.operands;
        gradients([x, weight], step.wanted, &step.grad)
    }
}

/// ∂/∂x = g·W, ∂/∂W = gᵀ·x and ∂/∂b = Σ over rows of g.
fn gradients(
    [x, weight]: [&Tensor; 2],
    [want_x, want_weight, want_bias]: [bool; 3],
    grad: &Tensor,
) -> Result<[Option<Tensor>; 3]> {
    let Sizes { rows, inner, outer } = Sizes::of(x, weight)?;
    if !on_fast_path(&[x, weight, grad]) {
        let grad = grad.reshape((rows, outer))?;
        let in_x = || grad.matmul(&weight.reshape((outer, inner))?)?.reshape(x.shape());
        let in_weight = || grad.t()?.matmul(&x.reshape((rows, inner))?)?.reshape(weight.shape());
        return Ok([
            want_x.then(in_x).transpose()?,
            want_weight.then(in_weight).transpose()?,
            want_bias.then(|| grad.sum(0)).transpose()?,
        ]);
    }
    let (in_x, (in_weight, in_bias)) = with_values([x, weight, grad], |[x, weight, grad]| {
        let (weight, x) = (Matrix::new(weight, outer, inner), Matrix::new(x, rows, inner));
        let matrix = Matrix::new(grad, rows, outer);
        // Side by side: both products together divide among threads better than each alone.
        Ok(rayon::join(
            || want_x.then(|| product(matrix, weight, None)),
            || {
                let in_weight = want_weight.then(|| product(matrix.t(), x, None));
                (in_weight, want_bias.then(|| sum_of_rows(grad, outer)))
            },
        ))
    })?;
    Ok([
        in_x.map(|values| tensor_like(values, x)).transpose()?,
        in_weight.map(|values| tensor_like(values, weight)).transpose()?,
        in_bias.map(|values| Tensor::from_vec(values, outer, grad.device())).transpose()?,
    ])
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Tensor, Var};

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
    fn a_weight_in_half_precision_is_multiplied_in_it_and_lets_gradients_through() {
        let x = Var::from_tensor(&sample((2, 3), 1)).unwrap();
        let (weight, bias) = (sample((4, 3), 2), sample(4, 3));
        let half = weight.to_dtype(DType::F16).unwrap();
        let of = |weight| linear(&x, weight, Some(&bias)).unwrap();
        let furthest = |a: &Tensor, b: &Tensor| {
            let difference = (a - b).unwrap().abs().unwrap().max_all().unwrap();
            difference.to_scalar::<f32>().unwrap()
        };
        let (rough, exact) = (of(&half), of(&weight));
        assert_eq!(rough.dtype(), DType::F32);
        assert!(furthest(&rough, &exact) < 5e-3, "{}", furthest(&rough, &exact));
        let in_x = |y: &Tensor| y.sum_all().unwrap().backward().unwrap().get(&x).unwrap().clone();
        assert!(furthest(&in_x(&rough), &in_x(&exact)) < 5e-3);
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
