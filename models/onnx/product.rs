//! Products of two matrices of which neither is known ahead.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use crate::ops::lanes::vectorized;

/// Batches of products, row by row.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) rows: usize,
    pub(super) depth: usize,
    pub(super) columns: usize,
    /// For each product, the number of the left and of the right matrix.
    pub(super) pairs: Vec<[u32; 2]>,
}

impl Product {
    /// Computes all of them.
    pub(super) fn run(&self, inputs: &[&[f32]], y: &mut [f32]) {
        let Self { rows, depth, columns, .. } = *self;
        let [left, right] = [0, 1].map(|at| inputs.get(at).copied().unwrap_or_default());
        let products = y.chunks_exact_mut((rows * columns).max(1));
        for (&[l, r], y) in self.pairs.iter().zip(products) {
            let left = &left[l as usize * rows * depth..][..rows * depth];
            let right = &right[r as usize * depth * columns..][..depth * columns];
            vectorized(
                #[inline(always)]
                || multiply(left, right, (depth, columns), y),
            );
        }
    }
}

#[inline(always)]
fn multiply(left: &[f32], right: &[f32], (depth, columns): (usize, usize), y: &mut [f32]) {
    for (left, y) in left.chunks_exact(depth).zip(y.chunks_exact_mut(columns)) {
        y.fill(0.0);
        for (&factor, right) in left.iter().zip(right.chunks_exact(columns)) {
            for (sum, &value) in y.iter_mut().zip(right) {
                *sum = factor.mul_add(value, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Product;

    #[test]
    fn a_matrix_may_serve_several_products() {
        let product = Product { rows: 1, depth: 2, columns: 2, pairs: vec![[0, 0], [1, 0]] };
        let mut y = [0.0; 4];
        product.run(&[&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 1.0, 1.0]], &mut y);
        assert_eq!(y, [3.0, 2.0, 7.0, 4.0]);
    }
}
