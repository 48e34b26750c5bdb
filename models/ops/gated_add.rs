//! The residual sum x + gate · y, with a gate for each batch item or token.

use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;

use super::lanes::vectorized;
use super::modulation::Extents;
use super::record::{Rule, Step, Value, record};
use super::sums::sum_of_partials;
use super::values::{expect_shape, on_fast_path, tensor_like, with_values};

/// Rows of one task; a constant, so that the order of additions in the gradients is too.
const ROWS_PER_TASK: usize = 64;

/// x + gate · y.
///
/// # Shapes
/// `x_bld` and `y_bld` (B, L, D), `gate` (B, 1, D) or (B, L, D) → (B, L, D).
///
/// # Errors
/// When the shapes do not fit together.
pub fn gated_add(x_bld: &Tensor, y_bld: &Tensor, gate: &Tensor) -> Result<Tensor> {
    let extents = Extents::of("gated_add", x_bld, ("gate", gate))?;
    expect_shape("gated_add", "y", y_bld, x_bld.shape())?;
    if !on_fast_path(&[x_bld, y_bld, gate]) {
        return composed(x_bld, y_bld, gate);
    }
    let (x, y, gate) = (x_bld.contiguous()?, y_bld.contiguous()?, gate.contiguous()?);
    let sum = with_values([&x, &y, &gate], |[x, y, gate]| Ok(forward((x, y), gate, extents)))?;
    record([&x, &y, &gate], Value::host(sum, x.shape()), GatedAdd { extents })
}

/// The same on candle's operations; half precision is widened, as the original networks do.
fn composed(x: &Tensor, y: &Tensor, gate: &Tensor) -> Result<Tensor> {
    let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let gated = y.to_dtype(wide)?.broadcast_mul(&gate.to_dtype(wide)?)?;
    (x.to_dtype(wide)? + gated)?.to_dtype(x.dtype())
}

fn forward((x, y): (&[f32], &[f32]), gates: &[f32], extents: Extents) -> Vec<f32> {
    let width = extents.width.max(1);
    let mut sum = vec![0.0; x.len()];
    let rows = sum.par_chunks_mut(width).zip(x.par_chunks(width)).zip(y.par_chunks(width));
    rows.enumerate().with_min_len(ROWS_PER_TASK).for_each(|(token, ((sum, x), y))| {
        let gate = extents.row(gates, token);
        vectorized(
            #[inline(always)]
            || {
                for (((sum, &x), &y), &gate) in sum.iter_mut().zip(x).zip(y).zip(gate) {
                    *sum = y.mul_add(gate, x);
                }
            },
        );
    });
    sum
}

struct GatedAdd {
    extents: Extents,
}

impl Rule<3> for GatedAdd {
    const NAME: &'static str = "gated_add";
    const USES: [bool; 3] = [false, true, true];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([_, y, gate], wanted) = (&step.operands, step.wanted);
        let (in_y, in_gate) = with_values([y, gate, &step.grad], |[y, gates, grad]| {
            Ok((
                wanted[1].then(|| forward_gate(grad, gates, self.extents)),
                wanted[2].then(|| self.in_gate(y, grad)),
            ))
        })?;
        Ok([
            wanted[0].then(|| step.grad.clone()),
            in_y.map(|in_y| tensor_like(in_y, y)).transpose()?,
            in_gate.map(|in_gate| tensor_like(in_gate, gate)).transpose()?,
        ])
    }
}

/// gate · g, the gradient in y.
fn forward_gate(grad: &[f32], gates: &[f32], extents: Extents) -> Vec<f32> {
    let width = extents.width.max(1);
    let mut in_y = vec![0.0; grad.len()];
    let rows = in_y.par_chunks_mut(width).zip(grad.par_chunks(width)).enumerate();
    rows.with_min_len(ROWS_PER_TASK).for_each(|(token, (in_y, grad))| {
        let gate = extents.row(gates, token);
        in_y.iter_mut().zip(grad).zip(gate).for_each(|((in_y, &g), &gate)| *in_y = g * gate);
    });
    in_y
}

impl GatedAdd {
    /// Σ g·y over the tokens that share a gate.
    fn in_gate(&self, y: &[f32], grad: &[f32]) -> Vec<f32> {
        let Extents { width, shared_by, .. } = self.extents;
        let of_row = (shared_by * width).max(1);
        let span = ROWS_PER_TASK.min(shared_by).max(1) * width.max(1);
        let sums: Vec<Vec<f32>> = y
            .par_chunks(of_row)
            .zip(grad.par_chunks(of_row))
            .map(|(y, grad)| {
                let tasks = y.par_chunks(span).zip(grad.par_chunks(span));
                let partial: Vec<_> =
                    tasks.map(|(y, grad)| sum_of_products(y, grad, width)).collect();
                sum_of_partials(&partial, width)
            })
            .collect();
        sums.concat()
    }
}

/// Σ over rows of y·g.
fn sum_of_products(y: &[f32], grad: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    vectorized(
        #[inline(always)]
        || {
            for (y, grad) in y.chunks_exact(width).zip(grad.chunks_exact(width)) {
                for ((sum, &y), &g) in sum.iter_mut().zip(y).zip(grad) {
                    *sum = y.mul_add(g, *sum);
                }
            }
        },
    );
    sum
}

#[cfg(test)]
mod tests {
    use super::{composed, gated_add};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradients_agree_with_the_composition() {
        for (batch, tokens, rows, width) in
            [(1, 1, 1, 1), (2, 3, 1, 8), (2, 3, 3, 4), (2, 70, 1, 5)]
        {
            let inputs = [
                sample((batch, tokens, width), 1),
                sample((batch, tokens, width), 2),
                sample((batch, rows, width), 3),
            ];
            let fused = |x: &[candle_core::Tensor]| gated_add(&x[0], &x[1], &x[2]);
            assert_agrees(&fused, &|x| composed(&x[0], &x[1], &x[2]), &inputs);
        }
    }

    #[test]
    fn a_gate_of_another_width_is_refused() {
        let x = sample((2, 5, 4), 1);
        let text = gated_add(&x, &x, &sample((2, 1, 3), 2)).unwrap_err().to_string();
        assert!(text.contains("`gate`") && text.contains("[2, 1, 3]"), "{text}");
    }
}
