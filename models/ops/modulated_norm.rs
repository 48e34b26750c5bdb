//! Layer normalisation modulated by a scale and a shift of each batch item or token, as diffusion
//! transformers condition their blocks (adaptive layer norm: Peebles & Xie 2023, §3.2).

use candle_core::{D, DType, Result, Tensor};
use rayon::prelude::*;

use super::lanes::vectorized;
use super::modulation::Extents;
use super::norm_rows::{Centred, ROWS_PER_TASK, Statistics, add_row_sums, row_gradient};
use super::record::{Rule, Step, Value, record};
use super::sums::sum_of_partials;
use super::values::{expect_shape, on_fast_path, tensor_like, with_values};

/// (x − mean) / √(variance + eps) · (1 + scale) + shift, mean and variance over the last dimension.
///
/// # Shapes
/// `x_bld` (B, L, D), `scale` and `shift` both (B, 1, D) or both (B, L, D) → (B, L, D).
///
/// # Errors
/// When the shapes do not fit together, or D is 0.
pub fn modulated_norm(x_bld: &Tensor, scale: &Tensor, shift: &Tensor, eps: f32) -> Result<Tensor> {
    let extents = Extents::of("modulated_norm", x_bld, ("scale", scale))?;
    expect_shape("modulated_norm", "shift", shift, scale.shape())?;
    if !on_fast_path(&[x_bld, scale, shift]) {
        return composed(x_bld, scale, shift, eps);
    }
    let (x, scale, shift) = (x_bld.contiguous()?, scale.contiguous()?, shift.contiguous()?);
    let (y, statistics) = with_values([&x, &scale, &shift], |[x, scale, shift]| {
        Ok(forward(x, (scale, shift), extents, eps))
    })?;
    record([&x, &scale, &shift], Value::host(y, x.shape()), ModulatedNorm { extents, statistics })
}

/// The same on candle's operations; half precision is widened, as the original networks do.
fn composed(x: &Tensor, scale: &Tensor, shift: &Tensor, eps: f32) -> Result<Tensor> {
    let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let widened = x.to_dtype(wide)?;
    let centred = widened.broadcast_sub(&widened.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + f64::from(eps))?.sqrt()?)?;
    let gain = (scale.to_dtype(wide)? + 1.0)?;
    normal.broadcast_mul(&gain)?.broadcast_add(&shift.to_dtype(wide)?)?.to_dtype(x.dtype())
}

fn forward(
    x: &[f32],
    (scales, shifts): (&[f32], &[f32]),
    extents: Extents,
    eps: f32,
) -> (Vec<f32>, Vec<Statistics>) {
    let width = extents.width;
    let mut y = vec![0.0; x.len()];
    let mut statistics = vec![Statistics::default(); extents.batch * extents.tokens];
    let rows = y.par_chunks_mut(width).zip(x.par_chunks(width)).zip(&mut statistics).enumerate();
    rows.with_min_len(ROWS_PER_TASK).for_each(|(token, ((y, x), statistics))| {
        let (scale, shift) = (extents.row(scales, token), extents.row(shifts, token));
        vectorized(
            #[inline(always)]
            || {
                let row = Statistics::of(x, Centred::Yes, eps);
                *statistics = row;
                for (((y, &x), &scale), &shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                    *y = row.normal(x).mul_add(1.0 + scale, shift);
                }
            },
        );
    });
    (y, statistics)
}

struct ModulatedNorm {
    extents: Extents,
    statistics: Vec<Statistics>,
}

impl Rule<3> for ModulatedNorm {
    const NAME: &'static str = "modulated_norm";
    const USES: [bool; 3] = [true, true, false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([x, scale, shift], wanted) = (&step.operands, step.wanted);
        let found = with_values([x, scale, &step.grad], |[x, scale, grad]| {
            Ok(self.backward(x, scale, grad))
        })?;
        Ok([
            wanted[0].then(|| tensor_like(found.x, x)).transpose()?,
            wanted[1].then(|| tensor_like(found.scale, scale)).transpose()?,
            wanted[2].then(|| tensor_like(found.shift, shift)).transpose()?,
        ])
    }
}

struct Gradients {
    x: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl ModulatedNorm {
    fn backward(&self, x: &[f32], scales: &[f32], grad: &[f32]) -> Gradients {
        let mut in_x = vec![0.0; x.len()];
        let rows = scales.len() / self.extents.width;
        // A task's rows lie in one batch item; where a row modulates its token alone, its sums are
        // those of a task of one.
        let per_task = ROWS_PER_TASK.min(self.extents.shared_by);
        let span = per_task * self.extents.width;
        let of_row = self.extents.shared_by * self.extents.width;
        let sums: Vec<(Vec<f32>, Vec<f32>)> = in_x
            .par_chunks_mut(of_row.max(1))
            .zip(x.par_chunks(of_row.max(1)))
            .zip(grad.par_chunks(of_row.max(1)))
            .enumerate()
            .map(|(row, ((in_x, x), grad))| {
                let token = row * self.extents.shared_by;
                let scale = self.extents.row(scales, token);
                let gain: Vec<f32> = scale.iter().map(|scale| 1.0 + scale).collect();
                let tasks = in_x.par_chunks_mut(span).zip(x.par_chunks(span));
                let partial: (Vec<_>, Vec<_>) = tasks
                    .zip(grad.par_chunks(span))
                    .zip(self.statistics[token..].par_chunks(per_task))
                    .map(|(((in_x, x), grad), rows)| task_gradient(in_x, (x, &gain, grad), rows))
                    .unzip();
                let width = self.extents.width;
                (sum_of_partials(&partial.0, width), sum_of_partials(&partial.1, width))
            })
            .collect();
        debug_assert_eq!(sums.len(), rows);
        let (scale, shift): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
        Gradients { x: in_x, scale: scale.concat(), shift: shift.concat() }
    }
}

/// Writes the gradient in the rows of a task and returns its sums for scale and shift.
fn task_gradient(
    in_x: &mut [f32],
    (x, gain, grad): (&[f32], &[f32], &[f32]),
    statistics: &[Statistics],
) -> (Vec<f32>, Vec<f32>) {
    let width = gain.len();
    let (mut in_scale, mut in_shift) = (vec![0.0; width], vec![0.0; width]);
    let rows = in_x.chunks_exact_mut(width).zip(x.chunks_exact(width));
    for (((in_x, x), grad), &row) in rows.zip(grad.chunks_exact(width)).zip(statistics) {
        vectorized(
            #[inline(always)]
            || {
                row_gradient(in_x, (x, gain, grad), row, Centred::Yes);
                add_row_sums((&mut in_scale, &mut in_shift), (x, grad), row);
            },
        );
    }
    (in_scale, in_shift)
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::{composed, modulated_norm};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradients_agree_with_the_composition() {
        for (batch, tokens, rows, width) in
            [(1, 1, 1, 2), (2, 3, 1, 8), (2, 3, 3, 4), (2, 70, 1, 5)]
        {
            let inputs = [
                sample((batch, tokens, width), 1),
                sample((batch, rows, width), 2),
                sample((batch, rows, width), 3),
            ];
            let fused = |x: &[Tensor]| modulated_norm(&x[0], &x[1], &x[2], 1e-6);
            assert_agrees(&fused, &|x| composed(&x[0], &x[1], &x[2], 1e-6), &inputs);
        }
    }

    #[test]
    fn a_scale_for_other_tokens_is_refused() {
        let (x, scale) = (sample((2, 5, 4), 1), sample((2, 3, 4), 2));
        let text = modulated_norm(&x, &scale, &scale, 1e-6).unwrap_err().to_string();
        assert!(text.contains("`scale`") && text.contains("[2, 3, 4]"), "{text}");
    }
}
