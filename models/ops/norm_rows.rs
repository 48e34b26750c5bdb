//! The arithmetic of one normalised row and its gradient, shared by the normalisations.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use super::lanes::{dot, dot3, sum, sum_of_squares};

/// Rows of one task; a constant, so that the order of additions in the gradients is too.
pub(super) const ROWS_PER_TASK: usize = 64;

/// What the backward pass needs of a row: x̂ = (x − mean) · scale.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    pub(super) mean: f32,
    pub(super) scale: f32,
}

/// Whether the mean is subtracted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Centred {
    Yes,
    No,
}

impl Statistics {
    /// Mean (0 where it stays in) and 1 / √(mean of squares + eps) of a row.
    #[inline(always)]
    pub(super) fn of(x: &[f32], centred: Centred, eps: f32) -> Self {
        let count = x.len() as f32;
        let mean = if centred == Centred::Yes { sum(x) / count } else { 0.0 };
        let variance = sum_of_squares(x, mean) / count;
        Self { mean, scale: 1.0 / (variance + eps).sqrt() }
    }

    /// x̂ of one value.
    #[inline(always)]
    pub(super) fn normal(self, x: f32) -> f32 {
        (x - self.mean) * self.scale
    }
}

/// ∂/∂x of x̂ · gain = scale · (g·gain − mean(g·gain) − x̂ · mean(g·gain·x̂)), the first mean only
/// where x was centred.
#[inline(always)]
pub(super) fn row_gradient(
    in_x: &mut [f32],
    (x, gain, grad): (&[f32], &[f32], &[f32]),
    row: Statistics,
    centred: Centred,
) {
    let count = x.len() as f32;
    let slope = dot(grad, gain);
    // Σ g·gain·x̂ = scale · (Σ g·gain·x − mean · Σ g·gain)
    let along = row.scale * (dot3(grad, gain, x) - row.mean * slope) / count;
    let level = if centred == Centred::Yes { slope / count } else { 0.0 };
    for (((in_x, &x), &gain), &grad) in in_x.iter_mut().zip(x).zip(gain).zip(grad) {
        *in_x = row.scale * (grad * gain - level - row.normal(x) * along);
    }
}

/// ∂/∂gain of x̂ · gain + shift gains g·x̂, and ∂/∂shift gains g.
#[inline(always)]
pub(super) fn add_row_sums(
    (gain_sum, shift_sum): (&mut [f32], &mut [f32]),
    (x, grad): (&[f32], &[f32]),
    row: Statistics,
) {
    for (sum, (&g, &x)) in gain_sum.iter_mut().zip(grad.iter().zip(x)) {
        *sum += g * row.normal(x);
    }
    for (sum, &g) in shift_sum.iter_mut().zip(grad) {
        *sum += g;
    }
}
