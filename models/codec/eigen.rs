//! Eigenvectors of covariance matrices, by one-sided Jacobi rotations (Hestenes 1958; Golub & Van
//! Loan, Matrix Computations, §8.6.3).
//!
//! Rotations turn the rows of A·V until they are orthogonal; for a symmetric positive matrix V
//! then holds the eigenvectors and the lengths of the rows are the eigenvalues.

use rayon::prelude::*;

/// Cosine between two rows below which they count as orthogonal.
const ORTHOGONAL: f64 = 1e-14;
/// Sweeps over all pairs; convergence is quadratic and takes some ten.
const MOST_SWEEPS: usize = 40;
const LANES: usize = 8;

/// An eigenvalue and its eigenvector of length 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) value: f64,
    pub(super) vector: Vec<f64>,
}

/// All components of a symmetric positive semi-definite matrix, given row by row; the largest
/// eigenvalue first. A vector's largest entry is positive.
///
/// The same bytes at any number of threads: every round rotates disjoint pairs.
pub(super) fn components(matrix: &[f64], side: usize) -> Vec<Component> {
    let mut rows: Vec<Row> = (0..side)
        .map(|at| {
            let mut vector = vec![0.0; side];
            vector[at] = 1.0;
            Row { image: matrix[at * side..][..side].to_vec(), vector }
        })
        .collect();
    if side % 2 == 1 {
        rows.push(Row { image: vec![0.0; side], vector: vec![0.0; side] }); // a partner that never turns
    }
    let noise = 1e-29 * matrix.iter().map(|x| x * x).sum::<f64>();
    for _ in 0..MOST_SWEEPS {
        if !sweep(&mut rows, noise) {
            break;
        }
    }
    let mut found: Vec<Component> = rows.into_iter().filter_map(Row::into_component).collect();
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    found
}

/// A row of A·V and the row of V it comes from.
struct Row {
    image: Vec<f64>,
    vector: Vec<f64>,
}

impl Row {
    /// Turns two rows in their plane so that their images become orthogonal; tells whether they
    /// were not. Both ends of the noise are left alone: products below `noise` are rounding.
    fn orthogonalise(&mut self, other: &mut Self, noise: f64) -> bool {
        let (a, b) = (dot(&self.image, &self.image), dot(&other.image, &other.image));
        let product = dot(&self.image, &other.image);
        if product.abs() <= ORTHOGONAL * (a * b).sqrt() + noise {
            return false;
        }
        // The smaller root of t² + 2ζt − 1 = 0 turns by at most 45°.
        let zeta = (b - a) / (2.0 * product);
        let tangent = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
        let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
        let turn = (cosine, cosine * tangent);
        rotate(&mut self.image, &mut other.image, turn);
        rotate(&mut self.vector, &mut other.vector, turn);
        true
    }

    /// The component, with its sign fixed; none of the partner that fills up an odd number.
    fn into_component(self) -> Option<Component> {
        let Self { image, mut vector } = self;
        let largest =
            vector.iter().fold(0.0, |most: f64, &x| if x.abs() > most.abs() { x } else { most });
        let sign = largest.signum();
        for x in &mut vector {
            *x *= sign;
        }
        (largest != 0.0).then(|| Component { value: dot(&image, &image).sqrt(), vector })
    }
}

/// Brings every pair of rows together once, as a round-robin tournament seats its players. Tells
/// whether any pair was turned.
fn sweep(rows: &mut [Row], noise: f64) -> bool {
    let mut turned = false;
    for _ in 1..rows.len() {
        let (top, bottom) = rows.split_at_mut(rows.len() / 2);
        turned |= top
            .par_iter_mut()
            .zip(bottom.par_iter_mut().rev())
            .with_min_len(8)
            .map(|(row, other)| row.orthogonalise(other, noise))
            .reduce(|| false, |a, b| a | b);
        rows[1..].rotate_right(1);
    }
    turned
}

fn rotate(x: &mut [f64], y: &mut [f64], (cosine, sine): (f64, f64)) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut partial = [0.0; LANES];
    let (mut xs, mut ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    for (x, y) in (&mut xs).zip(&mut ys) {
        for (sum, (x, y)) in partial.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    let rest = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum::<f64>();
    partial.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::{Component, components, dot};
    use crate::stream::Stream;

    /// XᵀX of `samples` random rows: of rank min(samples, side).
    fn covariance(side: usize, samples: usize) -> Vec<f64> {
        let mut stream = Stream::new(3, "test", 0);
        let x: Vec<f64> = (0..side * samples).map(|_| f64::from(stream.normal())).collect();
        let column = |at: usize| -> Vec<f64> { x.iter().skip(at).step_by(side).copied().collect() };
        let columns: Vec<Vec<f64>> = (0..side).map(column).collect();
        (0..side * side).map(|at| dot(&columns[at / side], &columns[at % side])).collect()
    }

    fn check(side: usize, samples: usize) -> Vec<Component> {
        let matrix = covariance(side, samples);
        let found = components(&matrix, side);
        assert_eq!(found.len(), side);
        let largest = found[0].value;
        for (at, Component { value, vector }) in found.iter().enumerate() {
            for row in 0..side {
                let error = dot(&matrix[row * side..][..side], vector) - value * vector[row];
                assert!(
                    error.abs() < 1e-12 * largest,
                    "{side}: component {at}, row {row}: {error}"
                );
            }
            for (other, component) in found.iter().enumerate() {
                let expected = if at == other { 1.0 } else { 0.0 };
                assert!((dot(vector, &component.vector) - expected).abs() < 1e-12);
            }
        }
        assert!(found.is_sorted_by(|a, b| a.value >= b.value));
        found
    }

    #[test]
    fn components_are_orthonormal_and_give_the_matrix() {
        for side in [1, 2, 7, 30] {
            check(side, 2 * side);
        }
    }

    #[test]
    fn a_matrix_of_low_rank_still_has_all_its_components() {
        let found = check(12, 5);
        assert!(found[4].value > 0.1 && found[5].value < 1e-12 * found[0].value);
    }

    #[test]
    fn a_known_matrix_gives_its_known_components() {
        let found = components(&[2.0, 1.0, 1.0, 2.0], 2);
        let half = 0.5_f64.sqrt();
        assert!((found[0].value - 3.0).abs() < 1e-15 && (found[1].value - 1.0).abs() < 1e-15);
        assert!(found[0].vector.iter().all(|x| (x - half).abs() < 1e-15), "{found:?}");
    }
}
