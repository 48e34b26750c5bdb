//! The sum of two tensors of one shape, whose gradient is passed on as it is.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::record::{Rule, Step, Value, record};
use super::values::{expect_shape, on_fast_path, with_values};

/// Values of one task.
const VALUES_PER_TASK: usize = 16_384;

/// x + y.
///
/// # Shapes
/// `x` and `y` (…) → (…).
///
/// # Errors
/// When the shapes differ.
pub fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    expect_shape("add", "y", y, x.shape())?;
    if !on_fast_path(&[x, y]) {
        return x + y;
    }
    let (x, y) = (x.contiguous()?, y.contiguous()?);
    let sum = with_values([&x, &y], |[x, y]| Ok(sum(x, y)))?;
    record([&x, &y], Value::host(sum, x.shape()), Add)
}

/// x + y, elementwise.
pub(super) fn sum(x: &[f32], y: &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0; x.len()];
    let parts = x.par_chunks(VALUES_PER_TASK).zip(y.par_chunks(VALUES_PER_TASK));
    sum.par_chunks_mut(VALUES_PER_TASK).zip(parts).for_each(|(sum, (x, y))| {
        sum.iter_mut().zip(x).zip(y).for_each(|((sum, x), y)| *sum = x + y);
    });
    sum
}

struct Add;

impl Rule<2> for Add {
    const NAME: &'static str = "add";
    const USES: [bool; 2] = [false; 2];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        Ok(step.wanted.map(|wanted| wanted.then(|| step.grad.clone())))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::add;
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradients_agree_with_candle() {
        let inputs = [sample((2, 3, 5), 1), sample((2, 3, 5), 2)];
        assert_agrees(&|x| add(&x[0], &x[1]), &|x: &[Tensor]| &x[0] + &x[1], &inputs);
        assert_agrees(&|x| add(&x[0], &x[0]), &|x: &[Tensor]| &x[0] + &x[0], &inputs[..1]);
    }
}
