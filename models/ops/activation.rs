//! GELU (tanh form) and SiLU in one vectorised pass each way.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::lanes::{sigmoid, vectorized};
use super::record::{Rule, Step, Value, record};
use super::values::{on_fast_path, tensor_like, with_values};

/// Values of one task.
const VALUES_PER_TASK: usize = 16_384;

/// GELU in its tanh form, 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), elementwise.
///
/// # Shapes
/// `x` (…) → (…).
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if on_fast_path(&[x]) { activated::<Gelu>(x) } else { x.gelu() }
}

/// SiLU, x·sigmoid(x), elementwise.
///
/// # Shapes
/// `x` (…) → (…).
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if on_fast_path(&[x]) { activated::<Silu>(x) } else { x.silu() }
}

/// A scalar function and its derivative, to be inlined into vector code.
pub(super) trait Curve: Send + Sync + 'static {
    const NAME: &'static str;
    fn value(x: f32) -> f32;
    fn slope(x: f32) -> f32;
}

pub(super) struct Gelu;

impl Gelu {
    /// 2·√(2/π): tanh(u) = 2·sigmoid(2u) − 1, so that GELU is x·sigmoid(2u).
    const TWICE: f32 = 1.595_769;
    const CUBIC: f32 = 0.044_715;
}

#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
impl Curve for Gelu {
    const NAME: &'static str = "gelu";

    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * sigmoid(Self::TWICE * x * (Self::CUBIC * x).mul_add(x, 1.0))
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let s = sigmoid(Self::TWICE * x * (Self::CUBIC * x).mul_add(x, 1.0));
        let inner = Self::TWICE * (3.0 * Self::CUBIC * x).mul_add(x, 1.0);
        (x * inner * (1.0 - s)).mul_add(s, s)
    }
}

struct Silu;

#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
impl Curve for Silu {
    const NAME: &'static str = "silu";

    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let s = sigmoid(x);
        (x * (1.0 - s)).mul_add(s, s)
    }
}

/// The curve's values at `x`.
pub(super) fn values<C: Curve>(x: &[f32]) -> Vec<f32> {
    let mut y = x.to_vec();
    y.par_chunks_mut(VALUES_PER_TASK).for_each(|y| {
        vectorized(
            #[inline(always)]
            || y.iter_mut().for_each(|y| *y = C::value(*y)),
        );
    });
    y
}

/// Multiplies a gradient by the curve's slopes at `x`.
pub(super) fn multiply_by_slopes<C: Curve>(grad: &mut [f32], x: &[f32]) {
    let tasks = grad.par_chunks_mut(VALUES_PER_TASK).zip(x.par_chunks(VALUES_PER_TASK));
    tasks.for_each(|(grad, x)| {
        vectorized(
            #[inline(always)]
            || grad.iter_mut().zip(x).for_each(|(g, &x)| *g *= C::slope(x)),
        );
    });
}

fn activated<C: Curve>(x: &Tensor) -> Result<Tensor> {
    let x = x.contiguous()?;
    let y = with_values([&x], |[x]| Ok(values::<C>(x)))?;
    record([&x], Value::host(y, x.shape()), Activation::<C>(std::marker::PhantomData))
}

struct Activation<C>(std::marker::PhantomData<C>);

impl<C: Curve> Rule<1> for Activation<C> {
    const NAME: &'static str = C::NAME;
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let [x] = &step.operands;
        let mut target = with_values([&step.grad], |[grad]| Ok(grad.to_vec()))?;
        with_values([x], |[x]| {
            multiply_by_slopes::<C>(&mut target, x);
            Ok(())
        })?;
        Ok([Some(tensor_like(target, x)?)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{gelu, silu};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn values_and_gradients_agree_with_candle() {
        let x = (sample((3, 13), 1) * 3.0).unwrap();
        assert_agrees(&|x| gelu(&x[0]), &|x| x[0].gelu(), std::slice::from_ref(&x));
        assert_agrees(&|x| silu(&x[0]), &|x| x[0].silu(), std::slice::from_ref(&x));
    }

    #[test]
    fn the_tails_are_the_identity_and_zero() {
        let x = Tensor::new(&[-100.0_f32, -1e9, 100.0, 1e9], &Device::Cpu).unwrap();
        for y in [gelu(&x).unwrap(), silu(&x).unwrap()] {
            assert_eq!(y.to_vec1::<f32>().unwrap(), [0.0, 0.0, 100.0, 1e9]);
        }
    }
}
