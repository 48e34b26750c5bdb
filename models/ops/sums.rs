//! Sums over leading or middle dimensions, which candle computes an order of magnitude too slowly.

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::lanes::{add, vectorized};
use super::record::{Rule, Step, Value, record};
use super::values::{on_fast_path, rows_and_width, with_values};

/// Rows summed by one task; a constant, so that the order of additions is too.
const ROWS_PER_TASK: usize = 256;

/// The sum over all dimensions but the last.
///
/// # Shapes
/// `x` (…, D) → (D).
///
/// # Errors
/// When `x` has no dimension, or D is 0.
pub fn row_sum(x: &Tensor) -> Result<Tensor> {
    let (rows, width) = rows_and_width("row_sum", x)?;
    token_sum(&x.reshape((1, rows, width))?)?.reshape(width)
}

/// The sum over the tokens of each face.
///
/// # Shapes
/// `x_bld` (B, L, D) → (B, D).
///
/// # Errors
/// When `x_bld` has other than three dimensions.
pub fn token_sum(x_bld: &Tensor) -> Result<Tensor> {
    let &[batch, tokens, width] = x_bld.dims() else {
        bail!("`token_sum` expects tokens (B, L, D), found {:?}", x_bld.dims())
    };
    if !on_fast_path(&[x_bld]) {
        return record([x_bld], Value::Plain(x_bld.detach().sum(1)?), TokenSum);
    }
    let x = x_bld.contiguous()?;
    let sums = with_values([&x], |[x]| {
        let mut sums = vec![0.0; batch * width];
        if !x.is_empty() {
            sums.par_chunks_mut(width)
                .zip(x.par_chunks(tokens * width))
                .for_each(|(sum, x)| sum.copy_from_slice(&sum_of_rows(x, width)));
        }
        Ok(sums)
    })?;
    record([&x], Value::host(sums, (batch, width)), TokenSum)
}

/// The sum of the rows of `values`, each `width` long, over all threads.
pub(super) fn sum_of_rows(values: &[f32], width: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = values
        .par_chunks(ROWS_PER_TASK * width)
        .map(|rows| {
            let mut sum = vec![0.0; width];
            vectorized(
                #[inline(always)]
                || rows.chunks_exact(width).for_each(|row| add(&mut sum, row)),
            );
            sum
        })
        .collect();
    sum_of_partials(&partial, width)
}

/// The sum of partial sums in their order.
pub(super) fn sum_of_partials(partial: &[Vec<f32>], width: usize) -> Vec<f32> {
    let mut total = vec![0.0; width];
    for sum in partial {
        add(&mut total, sum);
    }
    total
}

struct TokenSum;

impl Rule<1> for TokenSum {
    const NAME: &'static str = "token_sum";
    const USES: [bool; 1] = [false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let [x] = &step.operands;
        Ok([Some(step.grad.unsqueeze(1)?.broadcast_as(x.shape())?.contiguous()?)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::{row_sum, token_sum};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn sums_agree_with_candle() {
        let x = [sample((2, 300, 3), 1)];
        assert_agrees(&|x| token_sum(&x[0]), &|x| x[0].sum(1), &x);
        assert_agrees(&|x| row_sum(&x[0]), &|x: &[Tensor]| x[0].sum((0, 1)), &x);
    }
}
