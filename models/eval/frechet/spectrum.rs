//! Eigenvalues of a symmetric matrix: Householder's reduction to three diagonals, then implicit QL
//! (Golub & Van Loan, Matrix Computations, §8.3).
//!
//! Our own, since only values are needed, at 2048 × 2048: `faer` adds 75 s of CPU to a clean build,
//! and the workspace's Jacobi rotations are made for small matrices.

use candle_core::{Result, bail};
use rayon::prelude::*;

/// Partial sums of a dot product: a fixed order of additions, whatever the instructions.
const LANES: usize = 8;
/// Rows of one task.
const ROWS_PER_TASK: usize = 32;
/// QL steps an eigenvalue may take; two are usual.
const MOST_STEPS: usize = 60;

/// The eigenvalues, in no order, of a symmetric matrix of `side`² values. The same bytes at any
/// number of threads.
///
/// # Errors
/// When a value is not finite.
pub(super) fn eigenvalues(matrix: Vec<f64>, side: usize) -> Result<Vec<f64>> {
    if matrix.iter().any(|value| !value.is_finite()) {
        bail!("no eigenvalues: the matrix has values that are not finite")
    }
    let (mut diagonal, mut beside) = tridiagonal(matrix, side);
    for first in 0..side {
        settle(&mut diagonal, &mut beside, first)?;
    }
    Ok(diagonal)
}

/// The diagonal, and the values beside it (with a zero at the end), of a similar matrix that has
/// only those.
fn tridiagonal(mut a: Vec<f64>, side: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut diagonal, mut beside) = (vec![0.0; side], vec![0.0; side]);
    // The update A −= v·wᵀ + w·vᵀ that the previous step found, applied while the next reads A.
    let (mut v, mut w) = (vec![0.0; side], vec![0.0; side]);
    for k in 0..side {
        let at = |i: usize, a: &[f64]| a[i * side + k] - v[i] * w[k] - w[i] * v[k];
        diagonal[k] = at(k, &a);
        let column: Vec<f64> = (k + 1..side).map(|i| at(i, &a)).collect();
        let Some((mirror, scale, length)) = reflector(&column) else { break };
        beside[k] = length;
        let mut next = vec![0.0; side];
        next[k + 1..].copy_from_slice(&mirror);
        let mut product = vec![0.0; side];
        let rows = a[(k + 1) * side..].par_chunks_exact_mut(side).zip(&mut product[k + 1..]);
        let updates = v[k + 1..].par_iter().zip(&w[k + 1..]);
        rows.zip(updates).with_min_len(ROWS_PER_TASK).for_each(|((row, product), (&vi, &wi))| {
            let row = &mut row[k + 1..];
            for ((x, vj), wj) in row.iter_mut().zip(&v[k + 1..]).zip(&w[k + 1..]) {
                *x -= vi * wj + wi * vj;
            }
            *product = scale * dot(row, &mirror);
        });
        let along = 0.5 * scale * dot(&product[k + 1..], &mirror);
        for (product, mirror) in product.iter_mut().zip(&next) {
            *product -= along * mirror;
        }
        (v, w) = (next, product);
    }
    (diagonal, beside)
}

/// v, β and the length left for which (1 − β·v·vᵀ)·x = (length, 0, 0, …); none without values.
fn reflector(x: &[f64]) -> Option<(Vec<f64>, f64, f64)> {
    let (first, rest) = x.split_first()?;
    let square: f64 = rest.iter().map(|x| x * x).sum();
    let mut v = x.to_vec();
    if square == 0.0 {
        return Some((v, 0.0, *first));
    }
    // Away from x, so that nothing cancels.
    let length = -first.hypot(square.sqrt()).copysign(*first);
    v[0] = first - length;
    let scale = 2.0 / (v[0] * v[0] + square);
    Some((v, scale, length))
}

/// Turns the part from `first` on until the value beside `diagonal[first]` vanishes.
fn settle(diagonal: &mut [f64], beside: &mut [f64], first: usize) -> Result<()> {
    for _ in 0..MOST_STEPS {
        let negligible = |i: &usize| {
            let around = diagonal[*i].abs() + diagonal[*i + 1].abs();
            beside[*i].abs() <= f64::EPSILON * around
        };
        let last = (first..diagonal.len() - 1).find(negligible).unwrap_or(diagonal.len() - 1);
        if last == first {
            return Ok(());
        }
        turn(diagonal, beside, (first, last));
    }
    bail!("an eigenvalue did not settle in {MOST_STEPS} steps")
}

/// One implicit QL step with Wilkinson's shift on rows `first..=last`.
fn turn(diagonal: &mut [f64], beside: &mut [f64], (first, last): (usize, usize)) {
    let half = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
    let root = half.hypot(1.0).copysign(half);
    let mut g = diagonal[last] - diagonal[first] + beside[first] / (half + root);
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for i in (first..last).rev() {
        let (f, b) = (sine * beside[i], cosine * beside[i]);
        let length = f.hypot(g);
        beside[i + 1] = length;
        if length == 0.0 {
            // The matrix falls apart here; what is left is settled in the next step.
            diagonal[i + 1] -= shift;
            beside[last] = 0.0;
            return;
        }
        (sine, cosine) = (f / length, g / length);
        g = diagonal[i + 1] - shift;
        let turned = (diagonal[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * turned;
        diagonal[i + 1] = g + shift;
        g = cosine * turned - b;
    }
    diagonal[first] -= shift;
    beside[first] = g;
    beside[last] = 0.0;
}

/// Σ x·y.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (x_lanes, y_lanes) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest: f64 = x_lanes.remainder().iter().zip(y_lanes.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x_lanes.zip(y_lanes) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::eigenvalues;
    use crate::stream::Stream;

    #[test]
    fn values_of_a_path_are_known() {
        // −1, 2, −1 on the diagonals: 2 − 2·cos(kπ/(n+1)).
        let side = 30;
        let entry = |i: usize, j: usize| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let matrix = (0..side * side).map(|at| entry(at / side, at % side)).collect();
        let mut found = eigenvalues(matrix, side).unwrap();
        found.sort_by(f64::total_cmp);
        for (found, k) in found.iter().zip(1..) {
            let angle = f64::from(k) * std::f64::consts::PI / (side as f64 + 1.0);
            assert!((found - 2.0 + 2.0 * angle.cos()).abs() < 1e-13, "{k}: {found}");
        }
    }

    #[test]
    fn traces_of_powers_agree() {
        let mut stream = Stream::new(1, "test/spectrum", 0);
        for side in [1_usize, 2, 3, 17, 64] {
            let mut matrix = vec![0.0; side * side];
            for i in 0..side {
                for j in 0..=i {
                    let value = f64::from(stream.normal());
                    matrix[i * side + j] = value;
                    matrix[j * side + i] = value;
                }
            }
            let trace: f64 = (0..side).map(|i| matrix[i * side + i]).sum();
            let square: f64 = matrix.iter().map(|x| x * x).sum();
            let found = eigenvalues(matrix, side).unwrap();
            assert!((found.iter().sum::<f64>() - trace).abs() < 1e-11, "{side}");
            let squares: f64 = found.iter().map(|x| x * x).sum();
            assert!((squares - square).abs() < 1e-11 * square, "{side}");
        }
        assert!(eigenvalues(vec![f64::NAN], 1).is_err());
        assert_eq!(eigenvalues(vec![0.0; 9], 3).unwrap(), [0.0; 3]);
    }
}
