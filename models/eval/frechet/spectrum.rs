//! Eigenvalues of a symmetric matrix, for the traces of matrix roots.

use candle_core::Result;

use crate::tridiagonal::Tridiagonal;
pub(super) use crate::tridiagonal::dot;

/// The eigenvalues, in no order, of a symmetric matrix of `side`² values. The same bytes at any
/// number of threads.
///
/// # Errors
/// When a value is not finite.
pub(super) fn eigenvalues(matrix: Vec<f64>, side: usize) -> Result<Vec<f64>> {
    let mut tridiagonal = Tridiagonal::reduce(matrix, side)?;
    tridiagonal.settle(|_| ())?;
    Ok(tridiagonal.diagonal().to_vec())
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
