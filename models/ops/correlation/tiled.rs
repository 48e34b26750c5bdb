//! CPU kernels of the maximum-pooled correlation: tiles that stay in cache, forward and backward.
//!
//! Every split is by constants, never by the number of threads, and every output value belongs to
//! one task: results are the same bytes at any thread count.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::ops::gemm::{Former, Matrix, MatrixMut, multiply};
use crate::ops::lanes::{Term, add_weighted_rows, vectorized};

/// Token rows of a forward tile: enough that packing a dictionary panel costs little beside the
/// product, few enough that the tile stays in the second-level cache.
const TILE_ROWS: usize = 512;
/// Dictionary elements of a tile or panel.
const PANEL: usize = 256;
/// Faces whose token gradients are accumulated while one dictionary panel is in cache.
const GRADIENT_FACES: usize = 8;
/// Faces added to a dictionary panel's gradient in one pass.
const FACES_PER_PASS: usize = 8;

/// The extents of a correlation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// B, faces.
    pub(super) batch: usize,
    /// L, tokens of a face.
    pub(super) tokens: usize,
    /// D, width.
    pub(super) width: usize,
    /// C, dictionary elements.
    pub(super) elements: usize,
}

impl Sizes {
    /// The extents of tokens (B, L, D) against a dictionary (C, D).
    pub(super) fn of(tokens: &Tensor, dictionary: &Tensor) -> Result<Self> {
        let (batch, tokens, width) = tokens.dims3()?;
        Ok(Self { batch, tokens, width, elements: dictionary.dim(0)? })
    }

    /// Whether every token has a number that [`Winners`] can hold.
    pub(super) fn fit(self) -> bool {
        self.tokens <= 1 << u16::BITS
    }

    fn face(self) -> usize {
        self.tokens * self.width
    }
}

/// The winning token of every (face, element), B×C. It is held from the forward to the backward
/// pass, hence two bytes; [`Sizes::fit`] says whether they suffice.
pub(super) type Winners = Vec<u16>;

/// The pooled weights (B×C) and the winners.
pub(super) fn forward(tokens: &[f32], dictionary: &[f32], sizes: Sizes) -> (Vec<f32>, Winners) {
    let Sizes { batch, width, elements, .. } = sizes;
    let mut weights = vec![0.0; batch * elements];
    let mut winners = vec![0; batch * elements];
    if weights.is_empty() || width == 0 {
        return (weights, winners);
    }
    let faces = (TILE_ROWS / sizes.tokens).max(1);
    weights
        .par_chunks_mut(faces * elements)
        .zip(winners.par_chunks_mut(faces * elements))
        .zip(tokens.par_chunks(faces * sizes.face()))
        .for_each_init(Vec::new, |tile, ((weights, winners), tokens)| {
            forward_tile(tile, (weights, winners), (tokens, dictionary), sizes);
        });
    (weights, winners)
}

fn forward_tile(
    tile: &mut Vec<f32>,
    (weights, winners): (&mut [f32], &mut [u16]),
    (tokens, dictionary): (&[f32], &[f32]),
    Sizes { tokens: token_count, width, elements, .. }: Sizes,
) {
    let rows = tokens.len() / width;
    tile.resize(rows * PANEL, 0.0);
    for start in (0..elements).step_by(PANEL) {
        let panel = PANEL.min(elements - start);
        let tile = &mut tile[..rows * panel];
        let elements_of_panel = Matrix::new(&dictionary[start * width..], panel, width);
        // ⟨E[b, l], D[c]⟩ of Eq. 3 for the tile's faces and elements.
        multiply(
            MatrixMut::new(tile, rows, panel),
            Former::Overwrite,
            1.0,
            Matrix::new(tokens, rows, width),
            elements_of_panel.t(),
        );
        for (face, correlation) in tile.chunks_exact(token_count * panel).enumerate() {
            let at = face * elements + start;
            let best = &mut weights[at..at + panel];
            let winner = &mut winners[at..at + panel];
            vectorized(
                #[inline(always)]
                || column_maxima(correlation, best, winner),
            );
        }
    }
}

/// Columns handled together, their maxima in registers.
const COLUMNS: usize = 16;

/// The largest value of each column and the first row that has it.
#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn column_maxima(values: &[f32], best: &mut [f32], winner: &mut [u16]) {
    let columns = best.len();
    let whole = columns / COLUMNS * COLUMNS;
    for start in (0..whole).step_by(COLUMNS) {
        let mut top = [f32::NEG_INFINITY; COLUMNS];
        let mut place = [0_u32; COLUMNS];
        for (row, values) in values.chunks_exact(columns).enumerate() {
            let values = &values[start..start + COLUMNS];
            for lane in 0..COLUMNS {
                let value = values[lane];
                let wins = beats(value, top[lane]);
                top[lane] = if wins { value } else { top[lane] };
                place[lane] = if wins { row as u32 } else { place[lane] };
            }
        }
        best[start..start + COLUMNS].copy_from_slice(&top);
        for (winner, place) in winner[start..].iter_mut().zip(place) {
            *winner = place as u16;
        }
    }
    for column in whole..columns {
        let (mut top, mut place) = (f32::NEG_INFINITY, 0);
        for (row, values) in values.chunks_exact(columns).enumerate() {
            if beats(values[column], top) {
                (top, place) = (values[column], row as u16);
            }
        }
        (best[column], winner[column]) = (top, place);
    }
}

/// Whether `value` replaces `top`: larger, or NaN, which then stays (as in torch).
#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn beats(value: f32, top: f32) -> bool {
    (value > top) | value.is_nan()
}

/// ∂/∂E: each token collects the elements it won, times their gradients. `grad` is B×C.
///
/// Zero gradients are passed over, as sparsemax leaves most of them so.
pub(super) fn token_gradient(
    winners: &[u16],
    grad: &[f32],
    dictionary: &[f32],
    sizes: Sizes,
) -> Vec<f32> {
    let Sizes { batch, tokens, width, elements } = sizes;
    let mut gradient = vec![0.0; batch * tokens * width];
    if gradient.is_empty() {
        return gradient;
    }
    let tiles = gradient.par_chunks_mut(GRADIENT_FACES * sizes.face()).enumerate();
    tiles.for_each_init(Buckets::default, |buckets, (tile, gradient)| {
        for start in (0..elements).step_by(PANEL) {
            let panel = PANEL.min(elements - start);
            let dictionary = &dictionary[start * width..(start + panel) * width];
            for (index, gradient) in gradient.chunks_exact_mut(sizes.face()).enumerate() {
                let at = (tile * GRADIENT_FACES + index) * elements + start;
                buckets.fill(&winners[at..at + panel], &grad[at..at + panel], tokens);
                vectorized(
                    #[inline(always)]
                    || {
                        for (token, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                            add_weighted_rows(gradient, buckets.of(token), dictionary);
                        }
                    },
                );
            }
        }
    });
    gradient
}

/// The elements of a panel sorted by the token that won them (a counting sort), so that each
/// token's gradient row is read and written a few times instead of once an element.
#[derive(Default)]
struct Buckets {
    /// Bucket t is `terms[starts[t]..starts[t + 1]]`.
    starts: Vec<usize>,
    terms: Vec<Term>,
}

impl Buckets {
    fn fill(&mut self, winners: &[u16], grad: &[f32], tokens: usize) {
        self.starts.clear();
        self.starts.resize(tokens + 2, 0);
        let live = |(_, grad): &(&u16, &f32)| **grad != 0.0;
        // Counted two places on, so that placing the terms leaves each bucket's start in place.
        for (&token, _) in winners.iter().zip(grad).filter(live) {
            self.starts[usize::from(token) + 2] += 1;
        }
        for token in 2..self.starts.len() {
            self.starts[token] += self.starts[token - 1];
        }
        self.terms.clear();
        self.terms.resize(self.starts[tokens + 1], Term::default());
        for (element, (&token, &weight)) in winners.iter().zip(grad).enumerate() {
            if weight != 0.0 {
                let place = &mut self.starts[usize::from(token) + 1];
                self.terms[*place] = Term { row: element, weight };
                *place += 1;
            }
        }
    }

    fn of(&self, token: usize) -> &[Term] {
        &self.terms[self.starts[token]..self.starts[token + 1]]
    }
}

/// ∂/∂D: each element collects the tokens that won it, times its gradients. `grad` is B×C.
pub(super) fn dictionary_gradient(
    winners: &[u16],
    grad: &[f32],
    tokens: &[f32],
    sizes: Sizes,
) -> Vec<f32> {
    let Sizes { batch, width, elements, .. } = sizes;
    let mut gradient = vec![0.0; elements * width];
    if gradient.is_empty() {
        return gradient;
    }
    gradient.par_chunks_mut(PANEL * width).enumerate().for_each(|(panel, gradient)| {
        for start in (0..batch).step_by(FACES_PER_PASS) {
            let faces = start..(start + FACES_PER_PASS).min(batch);
            vectorized(
                #[inline(always)]
                || {
                    for (index, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                        let mut terms = [Term::default(); FACES_PER_PASS];
                        let mut count = 0;
                        for face in faces.clone() {
                            let at = face * elements + panel * PANEL + index;
                            let row = face * sizes.tokens + usize::from(winners[at]);
                            terms[count] = Term { row, weight: grad[at] };
                            count += usize::from(grad[at] != 0.0);
                        }
                        add_weighted_rows(gradient, &terms[..count], tokens);
                    }
                },
            );
        }
    });
    gradient
}
