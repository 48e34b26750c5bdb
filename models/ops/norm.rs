//! Layer and root-mean-square normalisation over the last dimension, with the gradients that
//! candle's fused versions lack.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::lanes::vectorized;
use super::norm_rows::{Centred, ROWS_PER_TASK, Statistics, add_row_sums, row_gradient};
use super::record::{Rule, Step, Value, record};
use super::sums::sum_of_partials;
use super::values::{expect_shape, on_fast_path, rows_and_width, tensor_like, with_values};

/// (x − mean) / √(variance + eps) · weight + bias, mean and variance over the last dimension.
///
/// # Shapes
/// `x` (…, D), `weight` and `bias` (D) → (…, D).
///
/// # Errors
/// When the shapes do not fit together.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Result<Tensor> {
    let (_, width) = rows_and_width("layer_norm", x)?;
    expect_shape("layer_norm", "weight", weight, width)?;
    expect_shape("layer_norm", "bias", bias, width)?;
    if !on_fast_path(&[x, weight, bias]) {
        return candle_nn::ops::layer_norm_slow(x, weight, bias, eps);
    }
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    let (y, statistics) = with_values([&x, &weight, &bias], |[x, weight, bias]| {
        Ok(normalised(x, weight, Some(bias), eps))
    })?;
    record([&x, &weight, &bias], Value::host(y, x.shape()), LayerNorm { statistics })
}

/// x / √(mean of x² + eps) · weight, the mean over the last dimension.
///
/// # Shapes
/// `x` (…, D), `weight` (D) → (…, D).
///
/// # Errors
/// When the shapes do not fit together.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let (_, width) = rows_and_width("rms_norm", x)?;
    expect_shape("rms_norm", "weight", weight, width)?;
    if !on_fast_path(&[x, weight]) {
        return candle_nn::ops::rms_norm_slow(x, weight, eps);
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let (y, statistics) =
        with_values([&x, &weight], |[x, weight]| Ok(normalised(x, weight, None, eps)))?;
    record([&x, &weight], Value::host(y, x.shape()), RmsNorm { statistics })
}

/// Normalised rows and their statistics; without a bias the mean stays in (RMS).
fn normalised(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    eps: f32,
) -> (Vec<f32>, Vec<Statistics>) {
    let width = weight.len();
    let centred = if bias.is_some() { Centred::Yes } else { Centred::No };
    let mut y = vec![0.0; x.len()];
    let mut statistics = vec![Statistics::default(); x.len() / width];
    let rows = y.par_chunks_mut(width).zip(x.par_chunks(width)).zip(&mut statistics);
    rows.with_min_len(ROWS_PER_TASK).for_each(|((y, x), statistics)| {
        vectorized(
            #[inline(always)]
            || {
                let row = Statistics::of(x, centred, eps);
                *statistics = row;
                for ((y, &x), &w) in y.iter_mut().zip(x).zip(weight) {
                    *y = row.normal(x) * w;
                }
                if let Some(bias) = bias {
                    y.iter_mut().zip(bias).for_each(|(y, &b)| *y += b);
                }
            },
        );
    });
    (y, statistics)
}

struct LayerNorm {
    statistics: Vec<Statistics>,
}

impl Rule<3> for LayerNorm {
    const NAME: &'static str = "layer_norm";
    const USES: [bool; 3] = [true, true, false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([x, weight, bias], wanted) = (&step.operands, step.wanted);
        let found = with_values([x, weight, &step.grad], |[x, weight, grad]| {
            Ok(Gradients::of((x, weight, grad), &self.statistics, Centred::Yes))
        })?;
        Ok([
            wanted[0].then(|| tensor_like(found.x, x)).transpose()?,
            wanted[1].then(|| tensor_like(found.weight, weight)).transpose()?,
            wanted[2].then(|| tensor_like(found.bias, bias)).transpose()?,
        ])
    }
}

struct RmsNorm {
    statistics: Vec<Statistics>,
}

impl Rule<2> for RmsNorm {
    const NAME: &'static str = "rms_norm";
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let ([x, weight], wanted) = (&step.operands, step.wanted);
        let found = with_values([x, weight, &step.grad], |[x, weight, grad]| {
            Ok(Gradients::of((x, weight, grad), &self.statistics, Centred::No))
        })?;
        Ok([
            wanted[0].then(|| tensor_like(found.x, x)).transpose()?,
            wanted[1].then(|| tensor_like(found.weight, weight)).transpose()?,
        ])
    }
}

struct Gradients {
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Gradients {
    fn of(
        (x, weight, grad): (&[f32], &[f32], &[f32]),
        statistics: &[Statistics],
        centred: Centred,
    ) -> Self {
        let width = weight.len();
        let mut in_x = vec![0.0; x.len()];
        let span = ROWS_PER_TASK * width;
        let partial: Vec<(Vec<f32>, Vec<f32>)> = in_x
            .par_chunks_mut(span)
            .zip(x.par_chunks(span))
            .zip(grad.par_chunks(span))
            .zip(statistics.par_chunks(ROWS_PER_TASK))
            .map(|(((in_x, x), grad), statistics)| {
                let mut sums = (vec![0.0; width], vec![0.0; width]);
                let rows = in_x.chunks_exact_mut(width).zip(x.chunks_exact(width));
                for (((in_x, x), grad), &row) in rows.zip(grad.chunks_exact(width)).zip(statistics)
                {
                    vectorized(
                        #[inline(always)]
                        || {
                            row_gradient(in_x, (x, weight, grad), row, centred);
                            add_row_sums((&mut sums.0, &mut sums.1), (x, grad), row);
                        },
                    );
                }
                sums
            })
            .collect();
        let (weights, biases): (Vec<_>, Vec<_>) = partial.into_iter().unzip();
        let weight = sum_of_partials(&weights, width);
        Self { x: in_x, weight, bias: sum_of_partials(&biases, width) }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::{layer_norm, rms_norm};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn layer_norm_agrees_with_the_composition() {
        for (rows, width) in [(1, 2), (3, 8), (70, 40)] {
            let inputs = [sample((1, rows, width), 1), sample(width, 2), sample(width, 3)];
            let fused = |x: &[Tensor]| layer_norm(&x[0], &x[1], &x[2], 1e-5);
            let naive = |x: &[Tensor]| candle_nn::ops::layer_norm_slow(&x[0], &x[1], &x[2], 1e-5);
            assert_agrees(&fused, &naive, &inputs);
        }
    }

    #[test]
    fn rms_norm_agrees_with_the_composition() {
        for (rows, width) in [(1, 1), (3, 8), (70, 40)] {
            let inputs = [sample((1, rows, width), 1), sample(width, 2)];
            let fused = |x: &[Tensor]| rms_norm(&x[0], &x[1], 1e-5);
            let naive = |x: &[Tensor]| candle_nn::ops::rms_norm_slow(&x[0], &x[1], 1e-5);
            assert_agrees(&fused, &naive, &inputs);
        }
    }

    #[test]
    fn a_weight_of_another_width_is_refused() {
        let error = rms_norm(&sample((2, 4), 1), &sample(3, 2), 1e-5).unwrap_err();
        assert_eq!(
            error.to_string().lines().next(),
            Some("`rms_norm` expects `weight` of shape [4], found [3]")
        );
    }
}
