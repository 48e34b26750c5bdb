//! Tensors in scripts: thin wrappers of candle operations that all have a gradient.

use candle_core::{D, Tensor};
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use super::complaint::{Complaint, Raised};

/// Numerical floor under a norm, so that a zero vector has a gradient.
const NORM_FLOOR: f64 = 1e-12;

/// Registers the type, its operators and its methods.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Tensor>("Tensor");
    register_operator(engine, "+", Tensor::broadcast_add);
    register_operator(engine, "-", Tensor::broadcast_sub);
    register_operator(engine, "*", Tensor::broadcast_mul);
    register_operator(engine, "/", Tensor::broadcast_div);
    engine.register_global_module(exported_module!(tensor_methods).into());
}

/// What candle said, without the backtrace that its `Display` may add.
pub(super) fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// An operation of two tensors that broadcasts.
type Binary = fn(&Tensor, &Tensor) -> candle_core::Result<Tensor>;

/// One operator between tensors, and between a tensor and a number on either side.
fn register_operator(engine: &mut Engine, name: &str, operation: Binary) {
    engine.register_fn(name, move |left: Tensor, right: Tensor| raised(operation(&left, &right)));
    engine.register_fn(name, move |left: Tensor, right: f64| {
        raised(number_like(&left, right).and_then(|right| operation(&left, &right)))
    });
    engine.register_fn(name, move |left: Tensor, right: i64| {
        raised(number_like(&left, right as f64).and_then(|right| operation(&left, &right)))
    });
    engine.register_fn(name, move |left: f64, right: Tensor| {
        raised(number_like(&right, left).and_then(|left| operation(&left, &right)))
    });
    engine.register_fn(name, move |left: i64, right: Tensor| {
        raised(number_like(&right, left as f64).and_then(|left| operation(&left, &right)))
    });
}

/// A scalar of the device and element type of `tensor`.
fn number_like(tensor: &Tensor, number: f64) -> candle_core::Result<Tensor> {
    Tensor::new(number, tensor.device())?.to_dtype(tensor.dtype())
}

fn raised(result: candle_core::Result<Tensor>) -> Result<Tensor, Raised> {
    result.map_err(|error| Complaint::new("tensor", first_line(&error)).into())
}

/// The index of a dimension; negative numbers count from the last.
fn index(tensor: &Tensor, dim: i64) -> Result<usize, Raised> {
    let rank = tensor.rank() as i64;
    let from_first = if dim < 0 { dim + rank } else { dim };
    if (0..rank).contains(&from_first) {
        return Ok(from_first as usize);
    }
    let message = format!("dimension {dim} of a tensor of shape {:?}", tensor.dims());
    Err(Complaint::new("tensor", message).hint(format!("it has dimensions -{rank} to -1")).into())
}

/// Largest value over a dimension, kept with size 1. Taken by index, so that of equal values
/// one alone gets the gradient (candle's `max` gives it to all of them).
fn max_keepdim(x: &Tensor, dim: usize) -> candle_core::Result<Tensor> {
    x.contiguous()?.gather(&x.argmax_keepdim(dim)?.contiguous()?, dim)
}

/// Softmax of plain operations: candle's fused one cuts the gradient silently.
fn softmax_of(x: &Tensor, dim: usize) -> candle_core::Result<Tensor> {
    let shifted = x.broadcast_sub(&max_keepdim(x, dim)?.detach())?.exp()?;
    shifted.broadcast_div(&shifted.sum_keepdim(dim)?)
}

fn log_sum_exp_of(x: &Tensor, dim: usize) -> candle_core::Result<Tensor> {
    let largest = max_keepdim(x, dim)?.detach();
    let sum = x.broadcast_sub(&largest)?.exp()?.sum_keepdim(dim)?;
    (sum.log()? + largest)?.squeeze(dim)
}

fn normalized(x: &Tensor) -> candle_core::Result<Tensor> {
    x.broadcast_div(&(x.sqr()?.sum_keepdim(D::Minus1)? + NORM_FLOOR)?.sqrt()?)
}

fn size(number: i64, what: &str) -> Result<usize, Raised> {
    usize::try_from(number).map_err(|_| {
        Complaint::new("tensor", format!("{what} is {number}, but must be at least 0")).into()
    })
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod tensor_methods {
    /// The same numbers with the opposite sign.
    #[rhai_fn(name = "-", return_raw, pure)]
    pub fn negative(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.neg())
    }

    /// Matrix product over the last two dimensions.
    /// ```rhai
    /// let similarity_nn = s1_nd.matmul(s2_nd.t());
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn matmul(x: &mut Tensor, other: Tensor) -> Result<Tensor, Raised> {
        raised(x.contiguous().and_then(|x| x.broadcast_matmul(&other.contiguous()?)))
    }

    /// The last two dimensions exchanged.
    #[rhai_fn(return_raw, pure)]
    pub fn t(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.t())
    }

    /// Largest value over a dimension, which disappears. Of equal values the first alone gets
    /// the gradient. Dimensions count from 0, or from the end as -1, -2, …
    /// ```rhai
    /// let weights_bc = correlations_blc.max(-2);
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn max(x: &mut Tensor, dim: i64) -> Result<Tensor, Raised> {
        let at = index(x, dim)?;
        raised(max_keepdim(x, at).and_then(|largest| largest.squeeze(at)))
    }

    /// Mean over a dimension, which disappears.
    #[rhai_fn(return_raw, pure)]
    pub fn mean(x: &mut Tensor, dim: i64) -> Result<Tensor, Raised> {
        let at = index(x, dim)?;
        raised(x.mean(at))
    }

    /// Mean of all elements, a scalar.
    #[rhai_fn(name = "mean", return_raw, pure)]
    pub fn mean_all(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.mean_all())
    }

    /// Sum over a dimension, which disappears.
    #[rhai_fn(return_raw, pure)]
    pub fn sum(x: &mut Tensor, dim: i64) -> Result<Tensor, Raised> {
        let at = index(x, dim)?;
        raised(x.sum(at))
    }

    /// Sum of all elements, a scalar.
    #[rhai_fn(name = "sum", return_raw, pure)]
    pub fn sum_all(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.sum_all())
    }

    /// Exponential of every element.
    #[rhai_fn(return_raw, pure)]
    pub fn exp(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.exp())
    }

    /// Natural logarithm of every element.
    #[rhai_fn(return_raw, pure)]
    pub fn log(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.log())
    }

    /// Square root of every element.
    #[rhai_fn(return_raw, pure)]
    pub fn sqrt(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.sqrt())
    }

    /// Square of every element.
    #[rhai_fn(return_raw, pure)]
    pub fn sqr(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.sqr())
    }

    /// Absolute value of every element.
    #[rhai_fn(return_raw, pure)]
    pub fn abs(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.abs())
    }

    /// Every element, negative ones as 0.
    #[rhai_fn(return_raw, pure)]
    pub fn relu(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.relu())
    }

    /// Hyperbolic tangent of every element.
    #[rhai_fn(return_raw, pure)]
    pub fn tanh(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(x.tanh())
    }

    /// Every element held within `low` and `high`; outside, the gradient is 0.
    #[rhai_fn(return_raw, pure)]
    pub fn clamp(x: &mut Tensor, low: f64, high: f64) -> Result<Tensor, Raised> {
        raised(x.clamp(low, high))
    }

    /// Shares that sum to 1 over a dimension.
    /// ```rhai
    /// let shares_bc = (weights_bc / 0.1).softmax(-1);
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn softmax(x: &mut Tensor, dim: i64) -> Result<Tensor, Raised> {
        let at = index(x, dim)?;
        raised(softmax_of(x, at))
    }

    /// ln Σ exp over a dimension, which disappears: a smooth maximum.
    /// ```rhai
    /// let weights_bc = (correlations_blc * 8.0).log_sum_exp(-2) / 8.0;
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn log_sum_exp(x: &mut Tensor, dim: i64) -> Result<Tensor, Raised> {
        let at = index(x, dim)?;
        raised(log_sum_exp_of(x, at))
    }

    /// Vectors along the last dimension scaled to length 1.
    #[rhai_fn(return_raw, pure)]
    pub fn l2_normalize(x: &mut Tensor) -> Result<Tensor, Raised> {
        raised(normalized(x))
    }

    /// Cosine of the angle between the vectors along the last dimension, which disappears.
    /// ```rhai
    /// let agreement_n = s1_nd.cosine(s2_nd);
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn cosine(x: &mut Tensor, other: Tensor) -> Result<Tensor, Raised> {
        let product = normalized(x).and_then(|x| x.broadcast_mul(&normalized(&other)?));
        raised(product.and_then(|product| product.sum(D::Minus1)))
    }

    /// The elements `start` to `start + length` of a dimension.
    #[rhai_fn(return_raw, pure)]
    pub fn narrow(x: &mut Tensor, dim: i64, start: i64, length: i64) -> Result<Tensor, Raised> {
        let at = index(x, dim)?;
        raised(x.narrow(at, size(start, "the start")?, size(length, "the length")?))
    }

    /// Tensors of an array joined along a dimension.
    /// ```rhai
    /// let both_2nd = cat([s1_nd, s2_nd], 0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cat(tensors: Array, dim: i64) -> Result<Tensor, Raised> {
        let tensors: Option<Vec<Tensor>> =
            tensors.into_iter().map(Dynamic::try_cast::<Tensor>).collect();
        let tensors = tensors.filter(|tensors| !tensors.is_empty()).ok_or_else(|| {
            Complaint::new("tensor", "`cat` joins an array of tensors, at least one")
        })?;
        let at = index(&tensors[0], dim)?;
        raised(Tensor::cat(&tensors, at))
    }

    /// Sizes of all dimensions.
    #[rhai_fn(get = "shape", pure)]
    pub fn shape(x: &mut Tensor) -> Array {
        x.dims().iter().map(|size| Dynamic::from(*size as i64)).collect()
    }
}
