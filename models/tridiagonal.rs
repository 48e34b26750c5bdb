//! Eigenvalues of symmetric matrices: Householder's reduction to three diagonals, then implicit QL
//! (Golub & Van Loan, Matrix Computations, §8.3).
//!
//! Our own: `faer` adds 75 s of CPU to a clean build, and `nalgebra` has candle compiled anew.

use candle_core::{Result, bail};
use rayon::prelude::*;

/// Partial sums of a dot product: a fixed order of additions, whatever the instructions.
const LANES: usize = 8;
/// Rows of one task.
const ROWS_PER_TASK: usize = 32;
/// QL steps an eigenvalue may take; two are usual.
const MOST_STEPS: usize = 60;

/// A matrix with values on its diagonal and beside it only, similar to a symmetric one. The same
/// bytes at any number of threads.
pub(crate) struct Tridiagonal {
    diagonal: Vec<f64>,
    /// The values beside the diagonal, with a zero at the end.
    beside: Vec<f64>,
    /// Values this small are lost in the rounding of the reduction. Among eigenvalues that are all
    /// zero, as those of few pictures are, no smaller bound would ever be met.
    negligible: f64,
    /// The mirrors that took the matrix here, in their order.
    mirrors: Vec<Mirror>,
}

/// A turn in the plane of two neighbouring axes: (c·x − s·y, s·x + c·y) for (x, y).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// The first of the two axes.
    pub(crate) axis: usize,
    /// c.
    pub(crate) cosine: f64,
    /// s.
    pub(crate) sine: f64,
}

/// 1 − β·v·vᵀ on the last axes, as many as v has values.
struct Mirror {
    v: Vec<f64>,
    scale: f64,
}

impl Tridiagonal {
    /// Reduces a symmetric matrix of `side`² values.
    ///
    /// # Errors
    /// When a value is not finite.
    pub(crate) fn reduce(mut a: Vec<f64>, side: usize) -> Result<Self> {
        if a.iter().any(|value| !value.is_finite()) {
            bail!("no eigenvalues: the matrix has values that are not finite")
        }
        let (mut diagonal, mut beside) = (vec![0.0; side], vec![0.0; side]);
        let mut mirrors = vec![];
        // The update A −= v·wᵀ + w·vᵀ that the previous step found, applied while the next reads A.
        let (mut v, mut w) = (vec![0.0; side], vec![0.0; side]);
        for k in 0..side {
            let at = |i: usize, a: &[f64]| a[i * side + k] - v[i] * w[k] - w[i] * v[k];
            diagonal[k] = at(k, &a);
            let column: Vec<f64> = (k + 1..side).map(|i| at(i, &a)).collect();
            let Some((mirror, length)) = Mirror::onto_first(&column) else { break };
            beside[k] = length;
            let mut product = vec![0.0; side];
            let rows = a[(k + 1) * side..].par_chunks_exact_mut(side).zip(&mut product[k + 1..]);
            let updates = v[k + 1..].par_iter().zip(&w[k + 1..]);
            rows.zip(updates).with_min_len(ROWS_PER_TASK).for_each(|((row, product), (vi, wi))| {
                let row = &mut row[k + 1..];
                for ((x, vj), wj) in row.iter_mut().zip(&v[k + 1..]).zip(&w[k + 1..]) {
                    *x -= vi * wj + wi * vj;
                }
                *product = mirror.scale * dot(row, &mirror.v);
            });
            let along = 0.5 * mirror.scale * dot(&product[k + 1..], &mirror.v);
            v[..=k].fill(0.0);
            v[k + 1..].copy_from_slice(&mirror.v);
            w = product;
            for (w, v) in w.iter_mut().zip(&v) {
                *w -= along * v;
            }
            mirrors.push(mirror);
        }
        let rows = diagonal.iter().zip(&beside).map(|(on, beside)| on.abs() + beside.abs());
        let negligible = f64::EPSILON * rows.fold(0.0, f64::max);
        Ok(Self { diagonal, beside, negligible, mirrors })
    }

    /// Turns the matrix until the diagonal holds the eigenvalues, in no order, and shows all turns.
    ///
    /// # Errors
    /// When the turns do not converge.
    pub(crate) fn settle(&mut self, mut show: impl FnMut(&[Turn])) -> Result<()> {
        for first in 0..self.diagonal.len() {
            let mut steps = 0..MOST_STEPS;
            while let Some(last) = self.last_joined(first) {
                if steps.next().is_none() {
                    bail!("an eigenvalue did not settle in {MOST_STEPS} steps")
                }
                show(&self.turn(first, last));
            }
        }
        Ok(())
    }

    /// The diagonal.
    pub(crate) fn diagonal(&self) -> &[f64] {
        &self.diagonal
    }

    /// Takes a vector from the axes of this matrix to those of the one it was made from.
    pub(crate) fn lift(&self, vector: &mut [f64]) {
        for mirror in self.mirrors.iter().rev() {
            let (_, vector) = vector.split_at_mut(vector.len() - mirror.v.len());
            let along = mirror.scale * dot(vector, &mirror.v);
            for (x, v) in vector.iter_mut().zip(&mirror.v) {
                *x -= along * v;
            }
        }
    }

    /// The last row that values beside the diagonal join to `first`; none if there is none.
    fn last_joined(&self, first: usize) -> Option<usize> {
        let negligible = |i: &usize| {
            let around = self.diagonal[*i].abs() + self.diagonal[*i + 1].abs();
            self.beside[*i].abs() <= (f64::EPSILON * around).max(self.negligible)
        };
        let end = self.diagonal.len() - 1;
        let last = (first..end).find(negligible).unwrap_or(end);
        (last != first).then_some(last)
    }

    /// One implicit QL step with Wilkinson's shift on rows `first..=last`.
    fn turn(&mut self, first: usize, last: usize) -> Vec<Turn> {
        let (diagonal, beside) = (&mut self.diagonal, &mut self.beside);
        let mut turns = Vec::with_capacity(last - first);
        let half = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
        let root = half.hypot(1.0).copysign(half);
        let mut g = diagonal[last] - diagonal[first] + beside[first] / (half + root);
        let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
        for axis in (first..last).rev() {
            let (f, b) = (sine * beside[axis], cosine * beside[axis]);
            let length = f.hypot(g);
            beside[axis + 1] = length;
            if length == 0.0 {
                // The matrix falls apart here; what is left is settled in the next step.
                diagonal[axis + 1] -= shift;
                beside[last] = 0.0;
                return turns;
            }
            (sine, cosine) = (f / length, g / length);
            g = diagonal[axis + 1] - shift;
            let turned = (diagonal[axis] - g) * sine + 2.0 * cosine * b;
            shift = sine * turned;
            diagonal[axis + 1] = g + shift;
            g = cosine * turned - b;
            turns.push(Turn { axis, cosine, sine });
        }
        diagonal[first] -= shift;
        beside[first] = g;
        beside[last] = 0.0;
        turns
    }
}

impl Mirror {
    /// The mirror that takes x to (length, 0, 0, …), and that length; none without values.
    fn onto_first(x: &[f64]) -> Option<(Self, f64)> {
        let (first, rest) = x.split_first()?;
        let square: f64 = rest.iter().map(|x| x * x).sum();
        let mut v = x.to_vec();
        if square == 0.0 {
            return Some((Self { v, scale: 0.0 }, *first));
        }
        // Away from x, so that nothing cancels.
        let length = -first.hypot(square.sqrt()).copysign(*first);
        v[0] = first - length;
        let scale = 2.0 / (v[0] * v[0] + square);
        Some((Self { v, scale }, length))
    }
}

/// Σ x·y.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
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
    use super::Tridiagonal;
    use crate::stream::Stream;

    #[test]
    fn a_matrix_of_few_pictures_settles() {
        // 200 values a picture, 40 pictures: 160 eigenvalues are zero but for rounding, and the
        // others span twelve orders of magnitude, as those of photographs do.
        let (side, samples) = (200, 40);
        let mut stream = Stream::new(5, "test/tridiagonal", 0);
        let mut matrix = vec![0.0; side * side];
        for sample in 0..samples {
            let scale = 10f64.powf(-12.0 * sample as f64 / samples as f64);
            let x: Vec<f64> = (0..side).map(|_| f64::from(stream.normal())).collect();
            for (at, value) in matrix.iter_mut().enumerate() {
                *value += scale * x[at / side] * x[at % side];
            }
        }
        let trace: f64 = (0..side).map(|i| matrix[i * side + i]).sum();
        let mut tridiagonal = Tridiagonal::reduce(matrix, side).unwrap();
        tridiagonal.settle(|_| ()).unwrap();
        let sum: f64 = tridiagonal.diagonal().iter().sum();
        assert!((sum - trace).abs() < 1e-12 * trace);
        let nothing = tridiagonal.diagonal().iter().filter(|v| v.abs() < 1e-10 * trace).count();
        assert!(nothing >= side - samples, "{nothing}");
    }
}
