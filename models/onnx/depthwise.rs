//! Convolutions in which every channel sees only itself.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::aligned::Aligned;
use super::dense::lanes;
use super::element::{Element, apply_to_pixels, bounds};
use super::window::Window;

/// Side of the kernel that has loops of its own, because nearly all have it.
const USUAL: usize = 3;
/// Values of a row of pixels of which all channels are computed before the next pixels: three
/// such rows stay in the nearest cache.
const TILE_VALUES: usize = 2560;

/// A kernel for every channel, channels innermost.
#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    window: Window,
    /// For each vector register of channels: one register for each tap, column by column, and one
    /// of biases. Channels beyond the last are 0.
    weights: Aligned,
}

impl Depthwise {
    /// `weights` hold the taps of each channel in turn, row by row, as the file does.
    pub(super) fn new(window: Window, weights: &[f32], bias: &[f32]) -> Self {
        let [rows, columns] = window.kernel;
        let (taps, lanes) = (rows * columns, lanes());
        let mut packed = vec![];
        for first in (0..window.channels).step_by(lanes) {
            for tap in 0..=taps {
                for channel in first..first + lanes {
                    let at = tap % rows * columns + tap / rows;
                    packed.push(match channel {
                        beyond if beyond >= window.channels => 0.0,
                        _ if tap == taps => bias[channel],
                        _ => weights[channel * taps + at],
                    });
                }
            }
        }
        Self { window, weights: Aligned::of(&packed) }
    }

    /// Multiplies every channel by its scale and adds its shift.
    pub(super) fn scale(&mut self, scale: &[f32], shift: &[f32]) {
        let lanes = lanes();
        let taps = self.window.kernel[0] * self.window.kernel[1];
        let parts = scale.chunks(lanes).zip(shift.chunks(lanes));
        let blocks = self.weights.chunks_exact_mut((taps + 1) * lanes);
        for (block, (scale, shift)) in blocks.zip(parts) {
            for weights in block.chunks_exact_mut(lanes) {
                weights.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
            }
            let biases = &mut block[taps * lanes..];
            biases.iter_mut().zip(shift).for_each(|(bias, shift)| *bias += shift);
        }
    }

    /// Convolves all pictures of `x` and does what follows.
    pub(super) fn run(
        &self,
        x: &[f32],
        y: &mut [f32],
        (elements, inputs): (&[Element], &[&[f32]]),
    ) {
        let Window { channels, size, out_size, .. } = self.window;
        let (picture, row) = (size[0] * size[1] * channels, out_size[1] * channels);
        let nothing = vec![0.0; size[1] * channels];
        let (bounds, rest) = bounds(elements);
        for (at, y) in y.chunks_exact_mut(row).enumerate() {
            let x = &x[at / out_size[0] * picture..][..picture];
            let line = Line { of: self, x, nothing: &nothing, at: at % out_size[0], bounds };
            Arch::new().dispatch(Job { line, y });
            apply_to_pixels(rest, y, (at * row, channels), inputs);
        }
    }
}

/// One row of output pixels.
#[derive(Clone, Copy)]
struct Line<'a> {
    of: &'a Depthwise,
    x: &'a [f32],
    /// A row of zeros: what lies above and below the picture.
    nothing: &'a [f32],
    at: usize,
    /// Least and largest output.
    bounds: [f32; 2],
}

struct Job<'a> {
    line: Line<'a>,
    y: &'a mut [f32],
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { line, y } = self;
        let window = line.of.window;
        let usual = window.kernel == [USUAL; 2] && window.dilation == [1; 2];
        let whole = window.channels.is_multiple_of(S::F32_LANES);
        let tile = (TILE_VALUES / window.channels).clamp(8, 64);
        for start in (0..window.out_size[1]).step_by(tile) {
            let pixels = start..(start + tile).min(window.out_size[1]);
            for first in (0..window.channels).step_by(S::F32_LANES) {
                let part = (pixels.clone(), first);
                match (usual, whole, window.stride[1]) {
                    (true, true, 1) => line.usual::<S, true, 1>(simd, y, part),
                    (true, true, 2) => line.usual::<S, true, 2>(simd, y, part),
                    (true, _, 1) => line.usual::<S, false, 1>(simd, y, part),
                    (true, _, 2) => line.usual::<S, false, 2>(simd, y, part),
                    _ => line.any(simd, y, part),
                }
            }
        }
    }
}

impl<'a> Line<'a> {
    /// The row of the picture under a row of the kernel.
    #[inline(always)]
    fn row(&self, tap: usize) -> &'a [f32] {
        let window = self.of.window;
        let values = window.size[1] * window.channels;
        window.place(0, self.at, tap).map_or(self.nothing, |row| &self.x[row * values..][..values])
    }

    /// Channels from `first`, as many as a register holds or there are, of all pixels. The columns
    /// under the kernel stay in registers from pixel to pixel. `WHOLE`: registers divide pixels.
    #[inline(always)]
    fn usual<S: Simd, const WHOLE: bool, const STRIDE: usize>(
        &self,
        simd: S,
        y: &mut [f32],
        (pixels, first): (Range<usize>, usize),
    ) {
        let channels = self.of.window.channels;
        let width = S::F32_LANES.min(channels - first);
        let block = first / S::F32_LANES;
        let block_weights = &S::as_simd_f32s(&self.of.weights).0[block * (USUAL * USUAL + 1)..];
        let bias = block_weights[USUAL * USUAL];
        // Loops, not closures: those of `from_fn` and `map` would be compiled for the oldest
        // processors and called.
        let mut weights = [[bias; USUAL]; USUAL];
        for kx in 0..USUAL {
            for ky in 0..USUAL {
                weights[kx][ky] = block_weights[kx * USUAL + ky];
            }
        }
        let [low, high] = [simd.splat_f32s(self.bounds[0]), simd.splat_f32s(self.bounds[1])];
        let columns = Columns::<S>::of(self, first);
        let start = pixels.start * STRIDE;
        let mut seen = [[bias; USUAL]; USUAL];
        for (kx, seen) in seen.iter_mut().enumerate() {
            *seen = columns.at::<WHOLE>(simd, start + kx);
        }
        let registers = channels / S::F32_LANES;
        for pixel in pixels {
            let mut sum = bias;
            for kx in 0..USUAL {
                for ky in 0..USUAL {
                    sum = simd.mul_add_f32s(seen[kx][ky], weights[kx][ky], sum);
                }
            }
            let sum = simd.min_f32s(simd.max_f32s(sum, low), high);
            if WHOLE {
                S::as_mut_simd_f32s(y).0[pixel * registers + block] = sum;
            } else {
                simd.partial_store_f32s(&mut y[pixel * channels + first..][..width], sum);
            }
            let next = pixel * STRIDE + USUAL;
            seen = if STRIDE == 1 {
                [seen[1], seen[2], columns.at::<WHOLE>(simd, next)]
            } else {
                let [left, right] =
                    [columns.at::<WHOLE>(simd, next), columns.at::<WHOLE>(simd, next + 1)];
                [seen[2], left, right]
            };
        }
    }

    /// The same under any kernel.
    #[inline(always)]
    fn any<S: Simd>(&self, simd: S, y: &mut [f32], (pixels, first): (Range<usize>, usize)) {
        let window = self.of.window;
        let channels = window.channels;
        let width = S::F32_LANES.min(channels - first);
        let [low, high] = [simd.splat_f32s(self.bounds[0]), simd.splat_f32s(self.bounds[1])];
        let load = |values: &[f32], at: usize| simd.partial_load_f32s(&values[at..][..width]);
        let [rows, columns] = window.kernel;
        let block = first / S::F32_LANES * (rows * columns + 1);
        let weights = &S::as_simd_f32s(&self.of.weights).0[block..][..=rows * columns];
        for pixel in pixels {
            let mut sum = weights[rows * columns];
            for ky in 0..rows {
                let row = self.row(ky);
                for kx in 0..columns {
                    let Some(column) = window.place(1, pixel, kx) else { continue };
                    let seen = load(row, column * channels + first);
                    sum = simd.mul_add_f32s(seen, weights[kx * rows + ky], sum);
                }
            }
            let sum = simd.min_f32s(simd.max_f32s(sum, low), high);
            simd.partial_store_f32s(&mut y[pixel * channels + first..][..width], sum);
        }
    }
}

/// Some channels of the rows under a kernel of the usual side.
struct Columns<'a, S: Simd> {
    rows: [&'a [f32]; USUAL],
    /// The same in registers.
    vectors: [&'a [S::f32s]; USUAL],
    window: Window,
    first: usize,
}

impl<'a, S: Simd> Columns<'a, S> {
    /// Those of a line, from channel `first`.
    #[inline(always)]
    fn of(line: &Line<'a>, first: usize) -> Self {
        let rows = [line.row(0), line.row(1), line.row(2)];
        let [above, middle, below] = rows;
        let vectors =
            [S::as_simd_f32s(above).0, S::as_simd_f32s(middle).0, S::as_simd_f32s(below).0];
        Self { rows, vectors, window: line.of.window, first }
    }

    /// The column that far from the left edge of what surrounds the picture.
    #[inline(always)]
    fn at<const WHOLE: bool>(&self, simd: S, from_edge: usize) -> [S::f32s; USUAL] {
        let Window { before, size, channels, .. } = self.window;
        let column = from_edge.wrapping_sub(before[1]);
        if column >= size[1] {
            return [simd.splat_f32s(0.0); USUAL];
        }
        if WHOLE {
            let at = column * (channels / S::F32_LANES) + self.first / S::F32_LANES;
            let [above, middle, below] = self.vectors;
            return [above[at], middle[at], below[at]];
        }
        let at = column * channels + self.first;
        let [above, middle, below] = self.rows;
        [self.load(simd, above, at), self.load(simd, middle, at), self.load(simd, below, at)]
    }

    /// What lies beyond the pixel's last channel is read along where something does: faster, and it
    /// comes to nothing.
    #[inline(always)]
    fn load(&self, simd: S, values: &[f32], at: usize) -> S::f32s {
        if at + S::F32_LANES <= values.len() {
            return S::as_simd_f32s(&values[at..at + S::F32_LANES]).0[0];
        }
        let width = S::F32_LANES.min(self.window.channels - self.first);
        simd.partial_load_f32s(&values[at..][..width])
    }
}

#[cfg(test)]
mod tests {
    use super::Depthwise;
    use crate::onnx::window::Window;

    #[test]
    fn channels_are_convolved_by_themselves() {
        for (channels, size, stride, kernel) in
            [(1, [4, 5], 1, 3), (16, [5, 6], 1, 3), (21, [7, 4], 2, 3), (3, [6, 6], 1, 5)]
        {
            let window =
                Window::new([size, [kernel; 2], [stride; 2], [1; 2]], [[1, 1], [1, 1]], channels)
                    .unwrap();
            let ramp = |count: usize| (0..count).map(|at| ((at * 29) % 17) as f32 - 8.0);
            let x: Vec<f32> = ramp(2 * size[0] * size[1] * channels).collect();
            let weights: Vec<f32> = ramp(channels * kernel * kernel).collect();
            let bias: Vec<f32> = ramp(channels).collect();
            let out = window.out_size;
            let mut y = vec![0.0; 2 * out[0] * out[1] * channels];
            Depthwise::new(window, &weights, &bias).run(&x, &mut y, (&[], &[]));
            for (at, found) in y.iter().enumerate() {
                let (channel, pixel) = (at % channels, at / channels);
                let (column, row) = (pixel % out[1], pixel / out[1] % out[0]);
                let mut expected = bias[channel];
                for tap in 0..kernel * kernel {
                    let r = (row * stride + tap / kernel).wrapping_sub(1);
                    let c = (column * stride + tap % kernel).wrapping_sub(1);
                    if r < size[0] && c < size[1] {
                        let picture = pixel / (out[0] * out[1]);
                        let at = ((picture * size[0] + r) * size[1] + c) * channels + channel;
                        expected += x[at] * weights[channel * kernel * kernel + tap];
                    }
                }
                assert!((found - expected).abs() < 1e-3, "{channels}: {found} {expected}");
            }
        }
    }
}
