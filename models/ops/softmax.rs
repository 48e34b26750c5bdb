//! Softmax over the last dimension, with the gradient that candle's fused version lacks.

use candle_core::{D, Result, Tensor};
use rayon::prelude::*;

use super::lanes::{dot, exp_in_place, max, scale, vectorized};
use super::record::{Rule, Step, Value, record};
use super::values::{on_fast_path, rows_and_width, tensor_like, with_values};

/// Values that one task works through at least; below, splitting costs more than it gains.
const VALUES_PER_TASK: usize = 16_384;

/// Softmax over the last dimension.
///
/// # Shapes
/// `x` (…, C) → (…, C).
///
/// # Errors
/// When `x` has no dimension, or C is 0.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    let (_, width) = rows_and_width("softmax", x)?;
    if !on_fast_path(&[x]) {
        let value = candle_nn::ops::softmax(&x.detach(), D::Minus1)?;
        return record([x], Value::Plain(value), Softmax);
    }
    let x = x.contiguous()?;
    let mut y = with_values([&x], |[x]| Ok(x.to_vec()))?;
    y.par_chunks_mut(width).with_min_len(VALUES_PER_TASK.div_ceil(width)).for_each(|row| {
        vectorized(
            #[inline(always)]
            || {
                let highest = max(row);
                let share = 1.0 / exp_in_place(row, highest);
                scale(row, share);
            },
        );
    });
    record([&x], Value::host(y, x.shape()), Softmax)
}

struct Softmax;

impl Rule<1> for Softmax {
    const NAME: &'static str = "softmax";
    const USES: [bool; 1] = [false];

    /// y · (g − Σ g·y)
    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let (y, grad) = (&step.output, &step.grad);
        if !on_fast_path(&[y, grad]) {
            let mean = (grad * y)?.sum_keepdim(D::Minus1)?;
            return Ok([Some((grad.broadcast_sub(&mean)? * y)?)]);
        }
        let (_, width) = rows_and_width("softmax", y)?;
        let mut target = with_values([grad], |[grad]| Ok(grad.to_vec()))?;
        with_values([y], |[y]| {
            let rows = target.par_chunks_mut(width).zip(y.par_chunks(width));
            rows.with_min_len(VALUES_PER_TASK.div_ceil(width)).for_each(|(grad, y)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let mean = dot(grad, y);
                        grad.iter_mut().zip(y).for_each(|(g, &y)| *g = (*g - mean) * y);
                    },
                );
            });
            Ok(())
        })?;
        Ok([Some(tensor_like(target, y)?)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{D, Device, Tensor};

    use super::softmax;
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradient_agree_with_the_composition() {
        let naive = |x: &[Tensor]| candle_nn::ops::softmax(&x[0], D::Minus1);
        for shape in [(1, 1, 1), (2, 3, 5), (1, 2, 40)] {
            assert_agrees(&|x| softmax(&x[0]), &naive, &[sample(shape, 1)]);
        }
        assert_agrees(&|x| softmax(&x[0].t()?), &|x| naive(&[x[0].t()?]), &[sample((3, 4), 2)]);
    }

    #[test]
    fn large_scores_do_not_overflow_and_masked_ones_vanish() {
        let x = Tensor::new(&[[1e4_f32, 1e4, f32::NEG_INFINITY]], &Device::Cpu).unwrap();
        assert_eq!(softmax(&x).unwrap().to_vec2::<f32>().unwrap(), [[0.5, 0.5, 0.0]]);
    }
}
