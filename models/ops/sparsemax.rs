//! Sparsemax: the Euclidean projection of a row onto the probability simplex.
//!
//! Martins and Astudillo, "From Softmax to Sparsemax", ICML 2016; the normaliser of FDT.

use candle_core::{D, DType, Result, Tensor};
use rayon::prelude::*;

use super::lanes::{max, vectorized};
use super::record::{Rule, Step, Value, record};
use super::values::{on_fast_path, rows_and_width, tensor_like, with_values};

/// Values that one task works through at least; below, splitting costs more than it gains.
const VALUES_PER_TASK: usize = 16_384;

/// Sparsemax over the last dimension: max(z − τ, 0), with τ such that the row sums to 1.
///
/// A row with a NaN or an infinite maximum becomes NaN.
///
/// # Shapes
/// `z` (…, C) → (…, C).
///
/// # Errors
/// When `z` has no dimension, or C is 0.
pub fn sparsemax(z: &Tensor) -> Result<Tensor> {
    let (_, width) = rows_and_width("sparsemax", z)?;
    if !on_fast_path(&[z]) {
        let value = (z.detach().broadcast_sub(&plain_threshold(&z.detach())?))?.relu()?;
        return record([z], Value::Plain(value), Sparsemax);
    }
    let z = z.contiguous()?;
    let mut p = with_values([&z], |[z]| Ok(z.to_vec()))?;
    let rows = p.par_chunks_mut(width).with_min_len(VALUES_PER_TASK.div_ceil(width));
    rows.for_each_init(Vec::new, |candidates, row| {
        vectorized(
            #[inline(always)]
            || {
                let tau = threshold(row, candidates);
                // Not `f32::max`, which would turn NaN into 0.
                for z in &mut *row {
                    *z = if *z <= tau { 0.0 } else { *z - tau };
                }
            },
        );
    });
    record([&z], Value::host(p, z.shape()), Sparsemax)
}

/// τ by Michelot's algorithm: drop what lies below the threshold of the rest until nothing does.
///
/// τ is at least the maximum less 1, which leaves few candidates: linear time on all but contrived
/// rows, without a sort.
#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn threshold(row: &[f32], candidates: &mut Vec<f32>) -> f32 {
    let highest = max(row);
    if !highest.is_finite() {
        return f32::NAN;
    }
    // NaN fails every comparison and so stays, and makes τ and the row NaN.
    candidates.clear();
    candidates.extend(row.iter().copied().filter(|&z| z > highest - 1.0 || z.is_nan()));
    loop {
        // In f64, for the sum of thousands of equal candidates less 1 cancels.
        let sum: f64 = candidates.iter().map(|&z| f64::from(z)).sum();
        let tau = ((sum - 1.0) / candidates.len() as f64) as f32;
        let before = candidates.len();
        candidates.retain(|&z| z > tau || z.is_nan());
        if candidates.len() == before || candidates.is_empty() {
            return tau;
        }
    }
}

/// The thresholds (…, 1) by the same algorithm on whole tensors, for other devices and types: no
/// sort, as candle's cannot sort long rows on CUDA.
fn plain_threshold(z: &Tensor) -> Result<Tensor> {
    let mut tau = (z.max_keepdim(D::Minus1)? - 1.0)?;
    let mut support = f64::INFINITY;
    loop {
        let inside = z.broadcast_gt(&tau)?.to_dtype(z.dtype())?;
        let count = inside.sum_keepdim(D::Minus1)?;
        let total = count.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        if total.is_nan() || total >= support {
            return Ok(tau);
        }
        support = total;
        tau = ((z * inside)?.sum_keepdim(D::Minus1)? - 1.0)?.broadcast_div(&count)?;
    }
}

struct Sparsemax;

impl Rule<1> for Sparsemax {
    const NAME: &'static str = "sparsemax";
    const USES: [bool; 1] = [false];

    /// On the support g − mean of g over the support, elsewhere 0.
    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let (p, grad) = (&step.output, &step.grad);
        if !on_fast_path(&[p, grad]) {
            let inside = p.gt(0.0)?.to_dtype(grad.dtype())?;
            let count = inside.sum_keepdim(D::Minus1)?;
            let mean = (grad * &inside)?.sum_keepdim(D::Minus1)?.broadcast_div(&count)?;
            return Ok([Some((grad.broadcast_sub(&mean)? * inside)?)]);
        }
        let (_, width) = rows_and_width("sparsemax", p)?;
        let mut target = with_values([grad], |[grad]| Ok(grad.to_vec()))?;
        with_values([p], |[p]| {
            let rows = target.par_chunks_mut(width).zip(p.par_chunks(width));
            rows.with_min_len(VALUES_PER_TASK.div_ceil(width)).for_each(|(grad, p)| {
                vectorized(
                    #[inline(always)]
                    || centre_on_support(grad, p),
                );
            });
            Ok(())
        })?;
        Ok([Some(tensor_like(target, p)?)])
    }
}

#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn centre_on_support(grad: &mut [f32], p: &[f32]) {
    let (mut sum, mut count) = (0.0, 0_u32);
    for (&g, &p) in grad.iter().zip(p) {
        if p != 0.0 {
            sum += g;
            count += 1;
        }
    }
    let mean = sum / count as f32;
    for (g, &p) in grad.iter_mut().zip(p) {
        *g = if p == 0.0 { 0.0 } else { *g - mean };
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{D, Device, Result, Tensor};

    use super::sparsemax;
    use crate::ops::agreement::{assert_agrees, sample};

    /// By sorting: k = max{j: 1 + j·z_j > Σ_{i≤j} z_i}, τ = (Σ_{i≤k} z_i − 1) / k.
    fn by_sorting(z: &Tensor) -> Result<Tensor> {
        let (sorted, _) = z.contiguous()?.sort_last_dim(false)?;
        let total = sorted.cumsum(D::Minus1)?;
        let places = Tensor::arange(1_u32, z.dim(D::Minus1)? as u32 + 1, z.device())?;
        let places = places.to_dtype(z.dtype())?;
        let inside = (sorted.broadcast_mul(&places)? + 1.0)?.gt(&total)?.to_dtype(z.dtype())?;
        let count = inside.sum_keepdim(D::Minus1)?;
        let tau = ((sorted * inside)?.sum_keepdim(D::Minus1)? - 1.0)?.broadcast_div(&count)?;
        z.broadcast_sub(&tau)?.relu()
    }

    #[test]
    fn value_and_gradient_agree_with_the_sorted_definition() {
        for (shape, seed) in [((1, 1), 1), ((4, 7), 2), ((3, 50), 3)] {
            assert_agrees(&|z| sparsemax(&z[0]), &|z| by_sorting(&z[0]), &[sample(shape, seed)]);
        }
    }

    /// τ of one row by sorting, in f64.
    fn exact_threshold(row: &[f32]) -> f64 {
        let mut sorted: Vec<f64> = row.iter().copied().map(f64::from).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let (mut total, mut tau) = (0.0, f64::NAN);
        for (index, z) in sorted.into_iter().enumerate() {
            total += z;
            if 1.0 + (index + 1) as f64 * z > total {
                tau = (total - 1.0) / (index + 1) as f64;
            }
        }
        tau
    }

    #[test]
    fn long_rows_of_any_spread_are_projected_exactly() {
        for spread in [1e-6, 1.0, 1e3] {
            let z = (sample((5, 32_768), 4) * spread).unwrap();
            let p = sparsemax(&z).unwrap().to_vec2::<f32>().unwrap();
            for (z, p) in z.to_vec2::<f32>().unwrap().iter().zip(p) {
                let tau = exact_threshold(z);
                for (&z, p) in z.iter().zip(p) {
                    let expected = (f64::from(z) - tau).max(0.0);
                    // τ itself is rounded to f32.
                    let bound = f64::from(f32::EPSILON) * tau.abs().max(1e-3) * 2.0;
                    assert!((f64::from(p) - expected).abs() <= bound, "{spread}: {p}, {expected}");
                }
            }
        }
    }

    #[test]
    fn equal_values_share_and_bad_rows_are_nan() {
        let z = Tensor::full(3.0_f32, (1, 8), &Device::Cpu).unwrap();
        assert_eq!(sparsemax(&z).unwrap().to_vec2::<f32>().unwrap(), [[0.125; 8]]);
        for bad in [f32::NAN, f32::INFINITY] {
            let z = Tensor::new(&[[0.0, bad, 1.0]], &Device::Cpu).unwrap();
            let p = sparsemax(&z).unwrap().to_vec2::<f32>().unwrap();
            assert!(p[0].iter().any(|p| p.is_nan()), "{bad}: {p:?}");
        }
    }
}
