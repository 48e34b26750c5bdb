//! Convolutions in which every channel sees only itself.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::element::{Element, apply_to_pixels};
use super::window::Window;

/// Side of the kernel that has loops of its own, because nearly all have it.
const USUAL: usize = 3;

/// A kernel for every channel, channels innermost.
#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    window: Window,
    /// One value a channel for each tap, row by row.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// `weights` hold the taps of each channel in turn, as the file does.
    pub(super) fn new(window: Window, weights: &[f32], bias: Vec<f32>) -> Self {
        let taps = window.kernel[0] * window.kernel[1];
        let channels = window.channels;
        let turned =
            (0..taps * channels).map(|at| weights[at % channels * taps + at / channels]).collect();
        Self { window, weights: turned, bias }
    }

    /// Multiplies every channel by its scale and adds its shift.
    pub(super) fn scale(&mut self, scale: &[f32], shift: &[f32]) {
        for weights in self.weights.chunks_exact_mut(scale.len()) {
            weights.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
        }
        for ((bias, scale), shift) in self.bias.iter_mut().zip(scale).zip(shift) {
            *bias = bias.mul_add(*scale, *shift);
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
        for (at, y) in y.chunks_exact_mut(row).enumerate() {
            let x = &x[at / out_size[0] * picture..][..picture];
            let line = Line { of: self, x, nothing: &nothing, at: at % out_size[0] };
            Arch::new().dispatch(Job { line, y });
            apply_to_pixels(elements, y, (at * row, channels), inputs);
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
        let inside = window.inside(1);
        for first in (0..window.channels).step_by(S::F32_LANES) {
            let whole = first + S::F32_LANES <= window.channels;
            if whole && window.kernel == [USUAL; 2] && window.dilation == [1; 2] {
                line.usual(simd, (y, first), inside.clone());
                line.any(simd, (y, first), 0..inside.start);
                line.any(simd, (y, first), inside.end..window.out_size[1]);
            } else {
                line.any(simd, (y, first), 0..window.out_size[1]);
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

    /// Channels from `first` of pixels whose taps all lie in the row.
    #[inline(always)]
    fn usual<S: Simd>(&self, simd: S, (y, first): (&mut [f32], usize), pixels: Range<usize>) {
        let window = self.of.window;
        let channels = window.channels;
        let load = |values: &[f32], at: usize| S::as_simd_f32s(&values[at..][..S::F32_LANES]).0[0];
        let weights: [[S::f32s; USUAL]; USUAL] = std::array::from_fn(|ky| {
            std::array::from_fn(|kx| load(&self.of.weights, (ky * USUAL + kx) * channels + first))
        });
        let bias = load(&self.of.bias, first);
        let rows: [&[f32]; USUAL] = std::array::from_fn(|ky| self.row(ky));
        for pixel in pixels {
            let seen = (pixel * window.stride[1] - window.before[1]) * channels + first;
            let mut sum = bias;
            for (row, weights) in rows.iter().zip(&weights) {
                for (kx, &weight) in weights.iter().enumerate() {
                    sum = simd.mul_add_f32s(load(row, seen + kx * channels), weight, sum);
                }
            }
            let target = &mut y[pixel * channels + first..][..S::F32_LANES];
            S::as_mut_simd_f32s(target).0[0] = sum;
        }
    }

    /// Channels from `first`, as many as a register holds or there are, of any pixels.
    #[inline(always)]
    fn any<S: Simd>(&self, simd: S, (y, first): (&mut [f32], usize), pixels: Range<usize>) {
        let window = self.of.window;
        let channels = window.channels;
        let width = S::F32_LANES.min(channels - first);
        let load = |values: &[f32], at: usize| simd.partial_load_f32s(&values[at..][..width]);
        for pixel in pixels {
            let mut sum = load(&self.of.bias, first);
            for ky in 0..window.kernel[0] {
                let row = self.row(ky);
                for kx in 0..window.kernel[1] {
                    let Some(column) = window.place(1, pixel, kx) else { continue };
                    let weight =
                        load(&self.of.weights, (ky * window.kernel[1] + kx) * channels + first);
                    sum = simd.mul_add_f32s(load(row, column * channels + first), weight, sum);
                }
            }
            simd.partial_store_f32s(&mut y[pixel * channels + first..][..width], sum);
        }
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
            Depthwise::new(window, &weights, bias.clone()).run(&x, &mut y, (&[], &[]));
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
