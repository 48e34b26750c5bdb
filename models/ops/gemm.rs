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
    assert!(
        left.rows == rows && right.columns == columns,
        "a product of {}×{} and {}×{} does not fill {rows}×{columns}",
        left.rows,
        left.columns,
        right.rows,
        right.columns
    );
    // SAFETY: `values` is borrowed mutably and as long as its constructor has checked.
    unsafe { write_product(values.as_mut_ptr(), stride, (former, scale), (left, right)) }
}

/// Writes `scale` · `left` · `right` to rows that begin every `stride` values.
///
/// # Safety
/// `target` must be valid for writes of all those rows, which must not overlap, and, where the
/// product is added, hold values.
unsafe fn write_product(
    target: *mut f32,
    stride: usize,
    (former, scale): (Former, f32),
    (left, right): (Matrix, Matrix),
) {
    let depth = left.columns;
    assert_eq!(right.rows, depth, "the inner extents of a product differ");
    if left.rows == 0 || right.columns == 0 {
        return;
    }
    // SAFETY: the constructors, `t` and `slice_rows` keep every index of a view inside its slice,
    // the extents agree as checked above, and the caller vouches for the target.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            depth,
            target,
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

/// Rows of a product that one task computes at least, if there are enough: each task lays `right`
/// out anew, which costs about a tenth of the time at 100 rows and a twentieth at 200.
const ROWS_PER_TASK: usize = 192;

/// `left` · `right`, row by row, on top of `bias` in every row, over all threads.
///
/// The split is a function of the extents, not of the number of threads, so every rounding is the
/// same at any.
pub(super) fn product(left: Matrix, right: Matrix, bias: Option<&[f32]>) -> Vec<f32> {
    let (rows, columns) = (left.rows, right.columns);
    if left.columns == 0 || rows * columns == 0 {
        return bias.map_or_else(|| vec![0.0; rows * columns], |bias| bias.repeat(rows));
    }
    let tasks = 1 << (rows / ROWS_PER_TASK).max(1).ilog2();
    let tasks = if tasks == 1 && rows >= ROWS_PER_TASK { 2 } else { tasks };
    let per_task = rows.div_ceil(tasks);
    let mut values: Vec<f32> = Vec::with_capacity(rows * columns);
    let target = &mut values.spare_capacity_mut()[..rows * columns];
    target.par_chunks_mut(per_task * columns).enumerate().for_each(|(task, target)| {
        let left = left.slice_rows(task * per_task, target.len() / columns);
        let former = match bias {
            None => Former::Overwrite,
            Some(bias) => {
                for row in target.chunks_exact_mut(columns) {
                    row.iter_mut().zip(bias).for_each(|(value, &bias)| _ = value.write(bias));
                }
                Former::Add
            }
        };
        // SAFETY: the rows lie in `target` without gaps, which this task alone writes to, and hold
        // the bias where the product is added.
        unsafe { write_product(target.as_mut_ptr().cast(), columns, (former, 1.0), (left, right)) }
    });
    // SAFETY: the tasks have written every row.
    unsafe { values.set_len(rows * columns) };
    values
}

#[cfg(test)]
mod tests {
    use super::{Former, Matrix, MatrixMut, multiply, product};

    fn ramp(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    fn naive(left: &[f32], right: &[f32], (m, n, k): (usize, usize, usize)) -> Vec<f32> {
        let at = |i: usize, j: usize| (0..k).map(|p| left[i * k + p] * right[j * k + p]).sum();
        (0..m * n).map(|index| at(index / n, index % n)).collect()
    }

    #[test]
    fn products_match_the_definition_in_odd_sizes() {
        for (m, n, k) in
            [(1, 1, 1), (3, 5, 7), (49, 16, 33), (130, 67, 65), (1, 300, 20), (500, 3, 2)]
        {
            let (left, right) = (ramp(m * k), ramp(n * k));
            let expected = naive(&left, &right, (m, n, k));
            let (a, b) = (Matrix::new(&left, m, k), Matrix::new(&right, n, k).t());
            let bias = ramp(n);
            let (plain, biased) = (product(a, b, None), product(a, b, Some(&bias)));
            assert_eq!((plain.len(), biased.len()), (m * n, m * n));
            for (at, y) in expected.iter().enumerate() {
                let (x, z) = (plain[at], biased[at] - bias[at % n]);
                let close = (x - y).abs() < 1e-4 && (z - y).abs() < 1e-4;
                assert!(close, "{m}×{n}×{k}: {x} and {z} against {y}");
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
