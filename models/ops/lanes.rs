//! Vector arithmetic on f32 slices, compiled for the instruction sets the machine turns out to have.
//!
//! [`vectorized`] runs a closure with the widest instructions found at run time; what it calls must
//! be `#[inline(always)]` to be compiled along. Reductions keep a fixed number of partial sums and
//! multiply-adds are explicit, so the results do not depend on which instructions were found.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use pulp::{Simd, WithSimd};

/// Partial results of a reduction: four 8-wide registers, enough to hide the latency of an add.
const LANES: usize = 32;

/// Runs `kernel` once, with the widest vector instructions of this machine. Mark the closure
/// `#[inline(always)]` at the call.
#[inline(always)]
pub(crate) fn vectorized<T>(kernel: impl FnMut() -> T) -> T {
    pulp::Arch::new().dispatch(Kernel(kernel))
}

/// A closure that is called as `FnMut`: called as `FnOnce`, one that only borrows is reached through
/// a function of the compiler's, which is compiled for the oldest processors.
struct Kernel<F>(F);

impl<T, F: FnMut() -> T> WithSimd for Kernel<F> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> T {
        (self.0)()
    }
}

/// e^x with an error below 2 units in the last place, 0 below −87.33, ∞ above 88.37, NaN for NaN.
///
/// Range reduction and polynomial of Cephes' `expf` (Moshier, netlib.org/cephes).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LOWEST: f32 = -87.336_54;
    /// Just below 127.5·ln 2, where the power of 2 would leave the exponent's range.
    const HIGHEST: f32 = 88.376;
    /// Adding 1.5·2²³ rounds to an integer and leaves it in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x < LOWEST { LOWEST } else { x };
    let clamped = if clamped > HIGHEST { HIGHEST } else { clamped };
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let power = shifted - ROUND;
    let r = power.mul_add(-LN2_LOW, power.mul_add(-LN2_HIGH, clamped));
    let mut p = 1.987_569_1e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_5e-2, 1.666_666_5e-1, 0.5] {
        p = p.mul_add(r, coefficient);
    }
    let mantissa = p.mul_add(r * r, r) + 1.0;
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let value = mantissa * scale;
    let value = if x < LOWEST { 0.0 } else { value };
    if x > HIGHEST { f32::INFINITY } else { value }
}

/// 1 / (1 + e^−x).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The sum of `f(i)` over `0..count`, in `LANES` partial sums.
#[inline(always)]
fn lane_sum(count: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut partial = [0.0; LANES];
    let whole = count / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in partial.iter_mut().enumerate() {
            *sum += f(start + lane);
        }
    }
    let mut total = 0.0;
    for index in whole..count {
        total += f(index);
    }
    partial.iter().fold(total, |total, sum| total + sum)
}

/// Σ x.
#[inline(always)]
pub(super) fn sum(x: &[f32]) -> f32 {
    lane_sum(x.len(), |i| x[i])
}

/// Σ (x − shift)².
#[inline(always)]
pub(super) fn sum_of_squares(x: &[f32], shift: f32) -> f32 {
    lane_sum(x.len(), |i| (x[i] - shift) * (x[i] - shift))
}

/// Σ x·y; `y` is at least as long as `x`.
#[inline(always)]
pub(super) fn dot(x: &[f32], y: &[f32]) -> f32 {
    let y = &y[..x.len()];
    lane_sum(x.len(), |i| x[i] * y[i])
}

/// Σ x·y·z; `y` and `z` are at least as long as `x`.
#[inline(always)]
pub(super) fn dot3(x: &[f32], y: &[f32], z: &[f32]) -> f32 {
    let (y, z) = (&y[..x.len()], &z[..x.len()]);
    lane_sum(x.len(), |i| x[i] * y[i] * z[i])
}

/// The largest value, −∞ of none. NaN is passed over.
#[inline(always)]
pub(super) fn max(x: &[f32]) -> f32 {
    let mut partial = [f32::NEG_INFINITY; LANES];
    let mut chunks = x.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (best, &value) in partial.iter_mut().zip(chunk) {
            *best = if value > *best { value } else { *best };
        }
    }
    partial.iter().chain(chunks.remainder()).fold(f32::NEG_INFINITY, |best, &x| best.max(x))
}

/// Replaces each x by e^(x − shift) and returns their sum.
#[inline(always)]
pub(super) fn exp_in_place(x: &mut [f32], shift: f32) -> f32 {
    for value in x.iter_mut() {
        *value = exp(*value - shift);
    }
    sum(x)
}

/// x *= factor, elementwise.
#[inline(always)]
pub(super) fn scale(x: &mut [f32], factor: f32) {
    for value in x {
        *value *= factor;
    }
}

/// target += x, elementwise.
#[inline(always)]
pub(super) fn add(target: &mut [f32], x: &[f32]) {
    for (target, &x) in target.iter_mut().zip(x) {
        *target += x;
    }
}

/// One term of a weighted sum of rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Term {
    /// Index of the row.
    pub(super) row: usize,
    /// Its weight.
    pub(super) weight: f32,
}

/// target += Σ weight · row over `terms`, in their order. `rows` holds rows of the target's length.
#[inline(always)]
pub(super) fn add_weighted_rows(target: &mut [f32], terms: &[Term], rows: &[f32]) {
    let width = target.len();
    let row = |term: Term| &rows[term.row * width..][..width];
    // Four terms a pass: the target is read and written once for four rows read.
    let mut fours = terms.chunks_exact(4);
    for four in &mut fours {
        let [t0, t1, t2, t3] = [four[0], four[1], four[2], four[3]];
        let (r0, r1, r2, r3) = (row(t0), row(t1), row(t2), row(t3));
        for i in 0..width {
            let sum = r1[i].mul_add(t1.weight, r0[i].mul_add(t0.weight, target[i]));
            target[i] = r3[i].mul_add(t3.weight, r2[i].mul_add(t2.weight, sum));
        }
    }
    for &term in fours.remainder() {
        for (target, &x) in target.iter_mut().zip(row(term)) {
            *target = x.mul_add(term.weight, *target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Term, add_weighted_rows, exp, max, sum, vectorized};

    #[test]
    fn exp_is_exact_to_two_units_and_keeps_the_specials() {
        let mut worst = 0.0_f64;
        for step in -87_330..88_376 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            worst = worst.max(((f64::from(exp(x)) - exact) / exact).abs());
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "{worst:e}");
        assert!(exp(f32::NAN).is_nan());
        assert_eq!((exp(f32::NEG_INFINITY), exp(-88.0), exp(0.0)), (0.0, 0.0, 1.0));
        assert_eq!((exp(f32::INFINITY), exp(89.0)), (f32::INFINITY, f32::INFINITY));
    }

    #[test]
    fn wide_and_narrow_instructions_agree_to_the_bit() {
        let x: Vec<f32> = (0..1001).map(|i| (i as f32 * 0.37).sin() * 9.0).collect();
        let narrow: Vec<u32> = x.iter().map(|&x| exp(x).to_bits()).collect();
        let wide = vectorized(|| x.iter().map(|&x| exp(x).to_bits()).collect::<Vec<_>>());
        assert_eq!(narrow, wide);
        assert_eq!(vectorized(|| sum(&x)).to_bits(), sum(&x).to_bits());
    }

    #[test]
    fn reductions_cover_whole_and_partial_lanes() {
        for count in [0, 1, 31, 32, 33, 100] {
            let x: Vec<f32> = (0..count).map(|i| i as f32).collect();
            let highest = if count == 0 { f32::NEG_INFINITY } else { count as f32 - 1.0 };
            let expected = [(count * count.max(1) - count) as f32 / 2.0, highest];
            assert_eq!(vec![sum(&x), max(&x)], expected);
        }
    }

    #[test]
    fn rows_are_added_with_their_weights() {
        let rows: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let terms: Vec<Term> = (0..6).map(|row| Term { row, weight: (row + 1) as f32 }).collect();
        let mut target = vec![1.0, 2.0];
        add_weighted_rows(&mut target, &terms, &rows);
        assert_eq!(target, [141.0, 163.0]);
    }
}
