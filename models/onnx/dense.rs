//! Convolutions and matrix products: every output of a pixel from all it sees.
//!
//! Weights are laid out in panels of two vector registers of outputs; a tile of pixels keeps its
//! sums in registers while it runs along the panel. Pixels are read where they lie: the taps of a
//! row of the kernel are neighbours in memory when channels are innermost.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use std::mem;

use pulp::{Arch, Simd, WithSimd};

use super::aligned::Aligned;
use super::element::{Element, Place, apply, bounds};

/// Vector registers of outputs in a panel.
const WIDE: usize = 2;
/// Pixels of a tile: with `WIDE` outputs, 28 sums, which leaves four of AVX-512's registers.
const TILE: usize = 14;
/// Pixels of a tile where there are fewer.
const SMALL: usize = 4;
/// Values of the input that are read again and again by the panels before the next are: half of
/// a second-level cache.
const BLOCK_VALUES: usize = 1 << 16;

/// Neighbours in memory that a pixel sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Distance from the pixel's first value.
    pub(super) offset: usize,
    /// Number of values.
    pub(super) length: usize,
}

/// Sums of products over what each pixel sees.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    /// What a pixel sees, the same for every one.
    runs: Vec<Run>,
    /// Sum of the runs' lengths.
    depth: usize,
    /// Number of outputs.
    outputs: usize,
    weights: Aligned,
    bias: Aligned,
}

/// Where pixels read and write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixels<'a> {
    /// For each pixel, where what it sees begins.
    pub(super) bases: &'a [u32],
    /// For the first pixel, where its outputs begin.
    pub(super) first: usize,
    /// Distance between the outputs of neighbours.
    pub(super) stride: usize,
    /// Channel of the first output.
    pub(super) channel: usize,
}

impl Dense {
    /// Lays out `weights` (outputs rows of one value for each value seen, in the order of the
    /// runs) and `bias` (one an output).
    pub(super) fn new(runs: Vec<Run>, weights: &[f32], bias: Vec<f32>) -> Self {
        let depth = runs.iter().map(|run| run.length).sum();
        let outputs = bias.len();
        let lanes = lanes();
        let mut packed = vec![];
        for panel in panels(outputs, lanes) {
            for at in 0..depth {
                for output in panel.start..panel.start + panel.vectors * lanes {
                    packed.push(if output < outputs { weights[output * depth + at] } else { 0.0 });
                }
            }
        }
        // The last panel's outputs beyond the last are computed and dropped.
        let mut bias = bias;
        bias.resize(outputs.next_multiple_of(lanes * WIDE), 0.0);
        Self { runs, depth, outputs, weights: Aligned::of(&packed), bias: Aligned::of(&bias) }
    }

    /// Multiplies every output by its scale and adds its shift.
    pub(super) fn scale(&mut self, scale: &[f32], shift: &[f32]) {
        let lanes = lanes();
        let mut weights = &mut *self.weights;
        for panel in panels(self.outputs, lanes) {
            let width = panel.vectors * lanes;
            let (mine, rest) = mem::take(&mut weights).split_at_mut(self.depth * width);
            weights = rest;
            let scale = &scale[panel.start..self.outputs.min(panel.start + width)];
            for row in mine.chunks_exact_mut(width) {
                row.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
            }
        }
        for ((bias, scale), shift) in self.bias.iter_mut().zip(scale).zip(shift) {
            *bias = bias.mul_add(*scale, *shift);
        }
    }

    /// Computes all outputs of some pixels and what follows on them.
    pub(super) fn run(
        &self,
        (x, pixels): (&[f32], Pixels),
        y: &mut [f32],
        (elements, inputs): (&[Element], &[&[f32]]),
    ) {
        let (bounds, elements) = bounds(elements);
        Arch::new().dispatch(Job { dense: self, x, pixels, y, bounds, elements, inputs });
    }
}

/// Some outputs, from `start`, in one or two vector registers.
struct Panel {
    start: usize,
    vectors: usize,
}

fn panels(outputs: usize, lanes: usize) -> impl Iterator<Item = Panel> {
    (0..outputs).step_by(lanes * WIDE).map(move |start| {
        let vectors = if outputs - start > lanes { WIDE } else { 1 };
        Panel { start, vectors }
    })
}

/// How many values a vector register of this machine holds.
pub(super) fn lanes() -> usize {
    Arch::new().dispatch(Lanes)
}

/// Tells how many values a vector register holds.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

struct Job<'a> {
    dense: &'a Dense,
    x: &'a [f32],
    pixels: Pixels<'a>,
    y: &'a mut [f32],
    /// Least and largest output.
    bounds: [f32; 2],
    elements: &'a [Element],
    inputs: &'a [&'a [f32]],
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let count = self.pixels.bases.len();
        let block = (BLOCK_VALUES / self.dense.depth.max(1)).next_multiple_of(TILE).max(TILE);
        let mut start = 0;
        while start < count {
            // A last block of a few pixels would waste most of its tiles.
            let left = count - start;
            let length = if left < block + TILE { left } else { block };
            self.block(simd, start, length);
            start += length;
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, start: usize, length: usize) {
        let mut weights = &*self.dense.weights;
        for panel in panels(self.dense.outputs, S::F32_LANES) {
            let (mine, rest) = weights.split_at(self.dense.depth * panel.vectors * S::F32_LANES);
            weights = rest;
            match (panel.vectors, length) {
                (WIDE, TILE..) => self.tiles::<S, TILE, WIDE>(simd, (start, length), &panel, mine),
                (WIDE, SMALL..) => {
                    self.tiles::<S, SMALL, WIDE>(simd, (start, length), &panel, mine);
                }
                (WIDE, _) => self.tiles::<S, 1, WIDE>(simd, (start, length), &panel, mine),
                (_, TILE..) => self.tiles::<S, TILE, 1>(simd, (start, length), &panel, mine),
                (_, SMALL..) => self.tiles::<S, SMALL, 1>(simd, (start, length), &panel, mine),
                _ => self.tiles::<S, 1, 1>(simd, (start, length), &panel, mine),
            }
        }
    }

    /// One panel of `length` pixels in tiles of `P`. The last tile reaches back over pixels that
    /// are done, and computes them again.
    #[inline(always)]
    fn tiles<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        (start, length): (usize, usize),
        panel: &Panel,
        weights: &[f32],
    ) {
        let bias: [S::f32s; V] = {
            let mine = S::as_simd_f32s(&self.dense.bias[panel.start..]).0;
            let mut bias = [mine[0]; V];
            // Loops, not closures: those of `from_fn` and `map` would be compiled for the oldest
            // processors and called.
            bias.copy_from_slice(&mine[..V]);
            bias
        };
        let width = (self.dense.outputs - panel.start).min(V * S::F32_LANES);
        let [low, high] = [simd.splat_f32s(self.bounds[0]), simd.splat_f32s(self.bounds[1])];
        let mut done = 0;
        while done < length {
            let at = start + done.min(length - P);
            let mut bases = [0; P];
            for (base, &pixel) in bases.iter_mut().zip(&self.pixels.bases[at..]) {
                *base = pixel as usize;
            }
            let sums = sums::<S, P, V>(simd, (self.x, &bases), (&self.dense.runs, weights), bias);
            let first = |p: usize| self.pixels.first + (at + p) * self.pixels.stride + panel.start;
            if width == V * S::F32_LANES {
                // Nothing else in this loop, so that it is unrolled and the sums stay in registers.
                #[allow(clippy::needless_range_loop, reason = "an iterator would not be unrolled")]
                for p in 0..P {
                    let row = S::as_mut_simd_f32s(&mut self.y[first(p)..][..width]).0;
                    for v in 0..V {
                        row[v] = simd.min_f32s(simd.max_f32s(sums[p][v], low), high);
                    }
                }
            } else {
                let spilled = sums;
                for (p, sums) in spilled.iter().enumerate() {
                    let row = self.y[first(p)..][..width].chunks_mut(S::F32_LANES);
                    for (row, &sum) in row.zip(sums) {
                        let sum = simd.min_f32s(simd.max_f32s(sum, low), high);
                        simd.partial_store_f32s(row, sum);
                    }
                }
            }
            if !self.elements.is_empty() {
                for p in 0..P {
                    let place = Place { at: first(p), channel: self.pixels.channel + panel.start };
                    let row = &mut self.y[place.at..][..width];
                    // Pixels of an earlier tile are whole again here: what follows starts anew.
                    apply(self.elements, row, place, self.inputs);
                }
            }
            done += P;
        }
    }
}

/// The sums of a tile.
#[inline(always)]
fn sums<S: Simd, const P: usize, const V: usize>(
    simd: S,
    (x, bases): (&[f32], &[usize; P]),
    (runs, weights): (&[Run], &[f32]),
    bias: [S::f32s; V],
) -> [[S::f32s; V]; P] {
    let mut weights = S::as_simd_f32s(weights).0.as_chunks::<V>().0;
    let mut sums = [bias; P];
    for run in runs {
        let mut seen = [x; P];
        for p in 0..P {
            seen[p] = &x[bases[p] + run.offset..][..run.length];
        }
        let (now, rest) = weights.split_at(run.length);
        weights = rest;
        // Indices below the one length that all of these slices have need no check: a way out of
        // the loop would keep the sums in memory.
        for at in 0..run.length {
            let weight = now[at];
            for p in 0..P {
                let value = simd.splat_f32s(seen[p][at]);
                for v in 0..V {
                    sums[p][v] = simd.mul_add_f32s(value, weight[v], sums[p][v]);
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::{Dense, Pixels, Run};
    use crate::onnx::element::{Element, Pair};

    fn ramp(count: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn sums_match_the_definition_for_any_number_of_pixels_and_outputs() {
        for (pixels, outputs) in [(1, 1), (3, 16), (4, 17), (13, 32), (15, 33), (70, 70), (700, 5)]
        {
            let runs = vec![Run { offset: 0, length: 5 }, Run { offset: 8, length: 2 }];
            let (x, weights, bias) = (ramp(pixels * 3 + 10), ramp(outputs * 7), ramp(outputs));
            let dense = Dense::new(runs, &weights, bias.clone());
            let bases: Vec<u32> = (0..pixels as u32).map(|pixel| pixel * 3).collect();
            let stride = outputs + 2;
            let mut y = vec![9.0; pixels * stride];
            let places = Pixels { bases: &bases, first: 1, stride, channel: 0 };
            let double = [Element::Channel(Pair::Multiply, vec![2.0; outputs])];
            dense.run((&x, places), &mut y, (&double, &[]));
            for pixel in 0..pixels {
                for output in 0..outputs {
                    let seen = [0, 1, 2, 3, 4, 8, 9].map(|at| x[pixel * 3 + at]);
                    let products = seen.iter().zip(&weights[output * 7..]).map(|(x, w)| x * w);
                    let expected = 2.0 * (bias[output] + products.sum::<f32>());
                    let found = y[1 + pixel * stride + output];
                    assert!((found - expected).abs() < 1e-5, "{pixels} {outputs}: {found}");
                }
            }
            assert_eq!((y[0], y[1 + outputs]), (9.0, 9.0));
        }
    }
}
