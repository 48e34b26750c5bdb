//! The Cholesky factor of a covariance, which may lack rank.

use rayon::prelude::*;

use super::spectrum::dot;

/// Rows of one task.
const ROWS_PER_TASK: usize = 32;

/// L, row by row and with zeros above the diagonal, for which L·Lᵀ is the positive semi-definite
/// matrix of `side`² values. Where a pivot is rounding noise the column is left zero: the exact
/// factor's would be.
pub(super) fn cholesky(matrix: &[f64], side: usize) -> Vec<f64> {
    let largest = (0..side).map(|i| matrix[i * side + i]).fold(0.0, f64::max);
    let noise = largest * f64::EPSILON * side as f64;
    let mut factor = vec![0.0; side * side];
    for column in 0..side {
        let (row, below) = factor[column * side..].split_at_mut(side);
        let pivot = matrix[column * side + column] - dot(&row[..column], &row[..column]);
        if pivot <= noise {
            continue;
        }
        let root = pivot.sqrt();
        row[column] = root;
        let row = &row[..column];
        let wanted = matrix[(column + 1) * side..].par_chunks_exact(side);
        let rows = below.par_chunks_exact_mut(side).zip(wanted).with_min_len(ROWS_PER_TASK);
        rows.for_each(|(target, wanted)| {
            target[column] = (wanted[column] - dot(&target[..column], row)) / root;
        });
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::cholesky;

    #[test]
    fn the_factor_multiplies_back_even_without_full_rank() {
        // Three columns in five dimensions.
        let columns: Vec<f64> = (0..15).map(|i| f64::from((i * 7 + 3) % 11) - 5.0).collect();
        let product = |x: &[f64], width: usize| -> Vec<f64> {
            let entry = |i: usize, j: usize| {
                (0..width).map(|k| x[i * width + k] * x[j * width + k]).sum::<f64>()
            };
            (0..25).map(|at| entry(at / 5, at % 5)).collect()
        };
        let matrix = product(&columns, 3);
        let back = product(&cholesky(&matrix, 5), 5);
        for (found, expected) in back.iter().zip(&matrix) {
            assert!((found - expected).abs() < 1e-10, "{found} {expected}");
        }
    }
}
