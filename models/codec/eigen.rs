//! The leading eigenvectors of covariance matrices.

use candle_core::Result;
use rayon::prelude::*;

use crate::ops::lanes::vectorized;
use crate::tridiagonal::{Tridiagonal, Turn};

/// Values of each vector that one task turns.
const VALUES_PER_TASK: usize = 64;

/// An eigenvalue and its eigenvector of length 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) value: f64,
    pub(super) vector: Vec<f64>,
}

/// The components of the `count` largest eigenvalues of a symmetric matrix of `side`² values, the
/// largest first. A vector's largest entry is positive. The same bytes at any number of threads.
///
/// # Errors
/// When a value is not finite.
pub(super) fn components(matrix: Vec<f64>, side: usize, count: usize) -> Result<Vec<Component>> {
    let mut tridiagonal = Tridiagonal::reduce(matrix, side)?;
    let mut stripes = Stripe::identity(side);
    tridiagonal.settle(|turns| stripes.par_iter_mut().for_each(|stripe| stripe.turn(turns)))?;
    let values = tridiagonal.diagonal();
    let mut order: Vec<usize> = (0..side).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order.truncate(count);
    let component = |at: usize| {
        let parts: Vec<&[f64]> = stripes.iter().map(|stripe| stripe.of_vector(at)).collect();
        let mut vector = parts.concat();
        tridiagonal.lift(&mut vector);
        fix_sign(&mut vector);
        Component { value: values[at], vector }
    };
    Ok(order.into_par_iter().map(component).collect())
}

/// Some neighbouring values of every eigenvector, vector by vector.
struct Stripe {
    values: Vec<f64>,
    width: usize,
}

impl Stripe {
    /// The axes as vectors, cut into stripes.
    fn identity(side: usize) -> Vec<Self> {
        let stripe = |start: usize| {
            let width = VALUES_PER_TASK.min(side - start);
            let mut values = vec![0.0; side * width];
            for at in 0..width {
                values[(start + at) * width + at] = 1.0;
            }
            Self { values, width }
        };
        (0..side).step_by(VALUES_PER_TASK).map(stripe).collect()
    }

    fn turn(&mut self, turns: &[Turn]) {
        // Every value is turned by itself, so wider instructions give the same bytes.
        vectorized(
            #[inline(always)]
            || {
                for &Turn { axis, cosine, sine } in turns {
                    let pair = &mut self.values[axis * self.width..][..2 * self.width];
                    let (x, y) = pair.split_at_mut(self.width);
                    for (x, y) in x.iter_mut().zip(y) {
                        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
                    }
                }
            },
        );
    }

    fn of_vector(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..][..self.width]
    }
}

/// An eigenvector is defined up to its sign: the entry that is largest becomes positive.
fn fix_sign(vector: &mut [f64]) {
    let larger = |most: f64, &x: &f64| if x.abs() > most.abs() { x } else { most };
    let sign = vector.iter().fold(0.0, larger).signum();
    for x in vector {
        *x *= sign;
    }
}

#[cfg(test)]
mod tests {
    use super::{Component, components};
    use crate::stream::Stream;
    use crate::tridiagonal::dot;

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
        let found = components(matrix.clone(), side, side).unwrap();
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
        for side in [1, 2, 7, 30, 150] {
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
        let found = components(vec![2.0, 1.0, 1.0, 2.0], 2, 2).unwrap();
        let half = 0.5_f64.sqrt();
        assert!((found[0].value - 3.0).abs() < 1e-15 && (found[1].value - 1.0).abs() < 1e-15);
        assert!(found[0].vector.iter().all(|x| (x - half).abs() < 1e-15), "{found:?}");
    }
}
