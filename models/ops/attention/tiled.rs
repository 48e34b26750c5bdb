//! CPU kernels of attention: blocks of queries whose scores stay in cache.
//!
//! All arrays are token-major, (B, L, H, Dh): a head is a strided matrix in them. The splits are
//! constants and every output value belongs to one task, so results are the same bytes at any
//! thread count.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::ops::gemm::{Former, Matrix, MatrixMut, multiply};
use crate::ops::lanes::{dot, exp, exp_in_place, max, scale, vectorized};

/// Queries of a block.
const BLOCK: usize = 64;

/// The extents of an attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// L, queries.
    queries: usize,
    /// M, keys and values.
    keys: usize,
    heads: usize,
    /// Dh.
    head_width: usize,
    /// 1 / √Dh.
    scale: f32,
}

impl Sizes {
    /// The extents of token-major queries and keys.
    pub(super) fn of(q: &Tensor, k: &Tensor) -> Result<Self> {
        let (_, queries, heads, head_width) = q.dims4()?;
        let scale = 1.0 / (head_width as f32).sqrt();
        Ok(Self { queries, keys: k.dim(1)?, heads, head_width, scale })
    }

    /// Values of one token, all heads.
    fn width(self) -> usize {
        self.heads * self.head_width
    }

    /// One head of `rows` tokens, from an array that begins at the first of them.
    fn head(self, values: &[f32], head: usize, rows: usize) -> Matrix<'_> {
        Matrix::strided(&values[head * self.head_width..], rows, self.head_width, self.width())
    }

    fn head_mut(self, values: &mut [f32], head: usize, rows: usize) -> MatrixMut<'_> {
        let values = &mut values[head * self.head_width..];
        MatrixMut::strided(values, rows, self.head_width, self.width())
    }
}

/// The output (B×L×H×Dh) and the log of the sum of exponentials of each score row (B×L×H).
pub(super) fn forward((q, k, v): (&[f32], &[f32], &[f32]), sizes: Sizes) -> (Vec<f32>, Vec<f32>) {
    let Sizes { queries, keys, heads, .. } = sizes;
    let width = sizes.width();
    let mut out = vec![0.0; q.len()];
    let mut log_sums = vec![0.0; q.len() / sizes.head_width];
    if out.is_empty() {
        return (out, log_sums);
    }
    out.par_chunks_mut(queries * width)
        .zip(log_sums.par_chunks_mut(queries * heads))
        .zip(q.par_chunks(queries * width))
        .zip(k.par_chunks(keys * width).zip(v.par_chunks(keys * width)))
        .for_each(|(((out, log_sums), q), (k, v))| {
            out.par_chunks_mut(BLOCK * width)
                .zip(log_sums.par_chunks_mut(BLOCK * heads))
                .zip(q.par_chunks(BLOCK * width))
                .for_each_init(Vec::new, |scores, ((out, log_sums), q)| {
                    forward_block(scores, (out, log_sums), (q, k, v), sizes);
                });
        });
    (out, log_sums)
}

fn forward_block(
    scores: &mut Vec<f32>,
    (out, log_sums): (&mut [f32], &mut [f32]),
    (q, k, v): (&[f32], &[f32], &[f32]),
    sizes: Sizes,
) {
    let (keys, rows) = (sizes.keys, q.len() / sizes.width());
    scores.resize(rows * keys, 0.0);
    for head in 0..sizes.heads {
        let target = MatrixMut::new(scores, rows, keys);
        let k = sizes.head(k, head, keys);
        multiply(target, Former::Overwrite, sizes.scale, sizes.head(q, head, rows), k.t());
        vectorized(
            #[inline(always)]
            || {
                for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
                    let highest = max(scores);
                    let sum = exp_in_place(scores, highest);
                    let share = 1.0 / sum;
                    scale(scores, share);
                    log_sums[row * sizes.heads + head] = highest + sum.ln();
                }
            },
        );
        let target = sizes.head_mut(out, head, rows);
        let p = Matrix::new(scores, rows, keys);
        multiply(target, Former::Overwrite, 1.0, p, sizes.head(v, head, keys));
    }
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Copy)]
pub(super) struct Saved<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) out: &'a [f32],
    pub(super) log_sums: &'a [f32],
}

/// Gradients in q, k and v.
#[derive(Default)]
pub(super) struct Gradients {
    pub(super) q: Vec<f32>,
    pub(super) k: Vec<f32>,
    pub(super) v: Vec<f32>,
}

/// The gradients of all operands, token-major like them.
pub(super) fn backward(saved: Saved, grad: &[f32], sizes: Sizes) -> Gradients {
    let Sizes { queries, keys, heads, .. } = sizes;
    let (of_q, of_k) = (queries * sizes.width(), keys * sizes.width());
    let mut found = Gradients {
        q: vec![0.0; saved.q.len()],
        k: vec![0.0; saved.k.len()],
        v: vec![0.0; saved.v.len()],
    };
    if grad.is_empty() {
        return found;
    }
    found
        .q
        .par_chunks_mut(of_q)
        .zip(found.k.par_chunks_mut(of_k))
        .zip(found.v.par_chunks_mut(of_k))
        .enumerate()
        .for_each(|(batch, ((in_q, in_k), in_v))| {
            let (qs, ks) = (batch * of_q..(batch + 1) * of_q, batch * of_k..(batch + 1) * of_k);
            let saved = Saved {
                q: &saved.q[qs.clone()],
                k: &saved.k[ks.clone()],
                v: &saved.v[ks],
                out: &saved.out[qs.clone()],
                log_sums: &saved.log_sums[batch * queries * heads..][..queries * heads],
            };
            let grad = &grad[qs];
            let by_head: Vec<Gradients> = (0..heads)
                .into_par_iter()
                .map(|head| head_backward(saved, grad, head, sizes))
                .collect();
            for (head, of_head) in by_head.iter().enumerate() {
                interleave(in_q, &of_head.q, head, sizes);
                interleave(in_k, &of_head.k, head, sizes);
                interleave(in_v, &of_head.v, head, sizes);
            }
        });
    found
}

/// Writes one head, stored by itself, to its place in every token.
fn interleave(target: &mut [f32], of_head: &[f32], head: usize, sizes: Sizes) {
    let width = sizes.head_width;
    let tokens = target.chunks_exact_mut(sizes.width());
    for (token, of_head) in tokens.zip(of_head.chunks_exact(width)) {
        token[head * width..(head + 1) * width].copy_from_slice(of_head);
    }
}

fn head_backward(saved: Saved, grad: &[f32], head: usize, sizes: Sizes) -> Gradients {
    let Sizes { queries, keys, head_width, scale, .. } = sizes;
    let (k, v) = (sizes.head(saved.k, head, keys), sizes.head(saved.v, head, keys));
    let mut found = Gradients {
        q: vec![0.0; queries * head_width],
        k: vec![0.0; keys * head_width],
        v: vec![0.0; keys * head_width],
    };
    let mut p = vec![0.0; BLOCK.min(queries) * keys];
    let mut in_scores = p.clone();
    for start in (0..queries).step_by(BLOCK) {
        let rows = BLOCK.min(queries - start);
        let (p, in_scores) = (&mut p[..rows * keys], &mut in_scores[..rows * keys]);
        let q = sizes.head(&saved.q[start * sizes.width()..], head, rows);
        let grad_rows = sizes.head(&grad[start * sizes.width()..], head, rows);
        multiply(MatrixMut::new(p, rows, keys), Former::Overwrite, scale, q, k.t());
        let target = MatrixMut::new(in_scores, rows, keys);
        multiply(target, Former::Overwrite, 1.0, grad_rows, v.t());
        through_softmax((p, in_scores), saved, grad, (head, start, sizes));
        let former = if start == 0 { Former::Overwrite } else { Former::Add };
        let (p, in_scores) = (Matrix::new(p, rows, keys), Matrix::new(in_scores, rows, keys));
        let in_q = &mut found.q[start * head_width..][..rows * head_width];
        multiply(MatrixMut::new(in_q, rows, head_width), Former::Overwrite, scale, in_scores, k);
        let in_k = MatrixMut::new(&mut found.k, keys, head_width);
        multiply(in_k, former, scale, in_scores.t(), q);
        let in_v = MatrixMut::new(&mut found.v, keys, head_width);
        multiply(in_v, former, 1.0, p.t(), grad_rows);
    }
    found
}

/// Turns scores into probabilities p, and the gradient in p into the one in the scores:
/// p · (g − ⟨out, grad⟩).
fn through_softmax(
    (p, in_scores): (&mut [f32], &mut [f32]),
    saved: Saved,
    grad: &[f32],
    (head, start, sizes): (usize, usize, Sizes),
) {
    let Sizes { keys, heads, head_width, .. } = sizes;
    vectorized(
        #[inline(always)]
        || {
            let rows = p.chunks_exact_mut(keys).zip(in_scores.chunks_exact_mut(keys));
            for (row, (p, in_scores)) in rows.enumerate() {
                let token = start + row;
                let at = token * sizes.width() + head * head_width;
                let along = dot(&saved.out[at..at + head_width], &grad[at..at + head_width]);
                let log_sum = saved.log_sums[token * heads + head];
                for (p, g) in p.iter_mut().zip(in_scores) {
                    *p = exp(*p - log_sum);
                    *g = *p * (*g - along);
                }
            }
        },
    );
}
