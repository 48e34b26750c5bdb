//! Matrix products on f32 slices: the one safe door to the `gemm` crate.

#![allow(unsafe_code, reason = "`gemm::gemm` takes raw pointers; the views below check bounds")]

use rayon::prelude::*;

/// A read-only matrix in a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values, one row every `stride` values.
    pub(super) fn strided(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        let view = Self { values, rows, columns, row_stride: stride, column_stride: 1 };
        assert!(view.end() <= values.len(), "a {rows}×{columns} matrix exceeds its slice");
        view
    }

    /// Rows of `columns` values without gaps.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// The transposed view.
    pub(super) fn t(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn slice_rows(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.rows, "rows {start}+{count} of {}", self.rows);
        Self { values: &self.values[start * self.row_stride..], rows: count, ..self }
    }

    /// One past the last value of the view.
    fn end(&self) -> usize {
        if self.rows == 0 || self.columns == 0 {
            return 0;
        }
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

/// What happens to the former values of a product's destination.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Former {
    /// They are overwritten, never read.
    Overwrite,
    /// The product is added to them.
    Add,
}

/// A writable matrix in a slice: rows of `columns` values, one row every `stride` values.
pub(super) struct MatrixMut<'a> {
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Rows of `columns` values, one row every `stride` values.
    pub(super) fn strided(
        values: &'a mut [f32],
        rows: usize,
        columns: usize,
        stride: usize,
    ) -> Self {
        assert!(stride >= columns, "rows of {columns} values overlap at a stride of {stride}");
        let end = if rows == 0 { 0 } else { (rows - 1) * stride + columns };
        assert!(end <= values.len(), "a {rows}×{columns} matrix exceeds its slice");
        Self { values, rows, columns, stride }
    }

    /// Rows of `columns` values without gaps.
    pub(super) fn new(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }
}

/// `target` = `scale` · `left` · `right`, on the calling thread only.
pub(super) fn multiply(target: MatrixMut, former: Former, scale: f32, left: Matrix, right: Matrix) {
    let MatrixMut { values, rows, columns, stride } = target;
    let depth = left.columns;
    assert!(
        left.rows == rows && right.rows == depth && right.columns == columns,
        "a product of {}×{} and {}×{} does not fill {rows}×{columns}",
        left.rows,
        left.columns,
        right.rows,
        right.columns
    );
    if rows == 0 || columns == 0 {
        return;
    }
    // SAFETY: both constructors and `t`, `slice_rows` keep every index of a view inside its slice,
    // the three extents agree as checked above, and `target` is borrowed mutably, without overlap
    // between its rows.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            values.as_mut_ptr(),
            1,
            stride as isize,
            former == Former::Add,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Rows of the target that one task computes. A constant, not a share of the threads: the split,
/// and so every rounding, is the same at any thread count.
const ROWS_PER_TASK: usize = 128;

/// `values` (`left.rows` × `right.columns`, without gaps) = `left` · `right`, over all threads.
pub(super) fn multiply_parallel(values: &mut [f32], former: Former, left: Matrix, right: Matrix) {
    let columns = right.columns;
    assert_eq!(values.len(), left.rows * columns, "the target is not {}×{columns}", left.rows);
    if values.is_empty() {
        return;
    }
    values.par_chunks_mut(ROWS_PER_TASK * columns).enumerate().for_each(|(task, values)| {
        let rows = values.len() / columns;
        let left = left.slice_rows(task * ROWS_PER_TASK, rows);
        multiply(MatrixMut::new(values, rows, columns), former, 1.0, left, right);
    });
}

#[cfg(test)]
mod tests {
    use super::{Former, Matrix, MatrixMut, multiply, multiply_parallel};

    fn ramp(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    fn naive(left: &[f32], right: &[f32], (m, n, k): (usize, usize, usize)) -> Vec<f32> {
        let at = |i: usize, j: usize| (0..k).map(|p| left[i * k + p] * right[j * k + p]).sum();
        (0..m * n).map(|index| at(index / n, index % n)).collect()
    }

    #[test]
    fn products_match_the_definition_in_odd_sizes() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (49, 16, 33), (130, 67, 65), (1, 300, 20)] {
            let (left, right) = (ramp(m * k), ramp(n * k));
            let expected = naive(&left, &right, (m, n, k));
            let mut found = vec![f32::NAN; m * n];
            let (a, b) = (Matrix::new(&left, m, k), Matrix::new(&right, n, k).t());
            multiply_parallel(&mut found, Former::Overwrite, a, b);
            for (x, y) in found.iter().zip(&expected) {
                assert!((x - y).abs() < 1e-4, "{m}×{n}×{k}: {x} against {y}");
            }
        }
    }

    #[test]
    fn a_product_can_be_scaled_and_added() {
        let (left, right) = (ramp(6), ramp(6));
        let mut target = vec![1.0; 8];
        let view = MatrixMut::strided(&mut target, 2, 2, 4);
        multiply(view, Former::Add, 2.0, Matrix::new(&left, 2, 3), Matrix::new(&right, 2, 3).t());
        let product = naive(&left, &right, (2, 2, 3));
        let expected =
            [1.0 + 2.0 * product[0], 1.0 + 2.0 * product[1], 1.0, 1.0, 1.0 + 2.0 * product[2]];
        assert!(target.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-5), "{target:?}");
    }

    #[test]
    #[should_panic(expected = "exceeds its slice")]
    fn a_view_past_its_slice_is_refused() {
        Matrix::new(&[0.0; 5], 2, 3);
    }
}
