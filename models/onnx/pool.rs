//! The largest or the mean of what a window sees.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use pulp::{Arch, Simd, WithSimd};

use super::dense::lanes;
use super::window::Window;
use crate::ops::lanes::vectorized;

/// What is kept of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The largest value.
    Largest,
    /// The mean of the values in the picture.
    Mean,
    /// The mean with the zeros added around it.
    MeanWithBorder,
}

/// A pool, channels innermost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub(super) window: Window,
    pub(super) keep: Keep,
    /// Rows and columns of `window.after` that were not asked for: `ceil_mode` adds them, and no
    /// mean counts them.
    pub(super) uncounted: [usize; 2],
}

impl Pool {
    /// Pools all pictures of `x`.
    pub(super) fn run(&self, x: &[f32], y: &mut [f32]) {
        let (window, lanes) = (&self.window, lanes());
        if self.keep == Keep::Largest && window.channels.is_multiple_of(lanes) {
            return Arch::new().dispatch(Largest { window, x, y });
        }
        vectorized(
            #[inline(always)]
            || {
                let pictures = x.chunks_exact(window.values());
                for (x, y) in pictures.zip(y.chunks_exact_mut(window.out_values())) {
                    for (at, pixel) in y.chunks_exact_mut(window.channels).enumerate() {
                        self.pixel(x, [at / window.out_size[1], at % window.out_size[1]], pixel);
                    }
                }
            },
        );
    }

    #[inline(always)]
    fn pixel(&self, x: &[f32], [row, column]: [usize; 2], pixel: &mut [f32]) {
        let window = &self.window;
        let largest = self.keep == Keep::Largest;
        let along = |axis: usize, at: usize| {
            (0..window.kernel[axis]).filter_map(move |tap| window.place(axis, at, tap))
        };
        let mut seen = 0;
        for y in along(0, row) {
            for x_at in along(1, column) {
                let values = &x[(y * window.size[1] + x_at) * window.channels..][..pixel.len()];
                seen += 1;
                if seen == 1 {
                    pixel.copy_from_slice(values);
                } else if largest {
                    for (best, &value) in pixel.iter_mut().zip(values) {
                        *best = if value > *best { value } else { *best };
                    }
                } else {
                    pixel.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
            }
        }
        if seen == 0 {
            pixel.fill(if largest { f32::NEG_INFINITY } else { 0.0 });
        }
        if !largest {
            let count = if self.keep == Keep::Mean { seen } else { self.counted([row, column]) };
            let share = 1.0 / (count as f32).max(1.0);
            for sum in pixel {
                *sum *= share;
            }
        }
    }

    /// Taps of a window in the picture and the border that was asked for.
    fn counted(&self, place: [usize; 2]) -> usize {
        let along = |axis: usize| {
            let window = &self.window;
            let whole =
                window.size[axis] + window.before[axis] + window.after[axis] - self.uncounted[axis];
            let taps = (0..window.kernel[axis]).filter(|tap| {
                place[axis] * window.stride[axis] + tap * window.dilation[axis] < whole
            });
            taps.count()
        };
        along(0) * along(1)
    }
}

/// The largest values where vector registers divide the pixels.
struct Largest<'a> {
    window: &'a Window,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Largest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { window, x, y } = self;
        let registers = window.channels / S::F32_LANES;
        let [height, width] = window.size;
        let (x, y) = (S::as_simd_f32s(x).0, S::as_mut_simd_f32s(y).0);
        for (line, y) in y.chunks_exact_mut(window.out_size[1] * registers).enumerate() {
            let x = &x[line / window.out_size[0] * height * width * registers..];
            let rows = window.taps(0, line % window.out_size[0]);
            for (column, y) in y.chunks_exact_mut(registers).enumerate() {
                let columns = window.taps(1, column);
                for (block, y) in y.iter_mut().enumerate() {
                    let mut most = simd.splat_f32s(f32::NEG_INFINITY);
                    for row in rows.clone() {
                        for column in columns.clone() {
                            let value = x[(row * width + column) * registers + block];
                            most = simd.max_f32s(most, value);
                        }
                    }
                    *y = most;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Keep, Pool};
    use crate::onnx::window::Window;

    #[test]
    fn borders_count_only_where_asked() {
        let window = Window::new([[2, 2], [2, 2], [1, 1], [1, 1]], [[1, 1], [0, 0]], 1).unwrap();
        let x = [4.0, 8.0, 12.0, -16.0];
        let pooled = |keep| {
            let mut y = [0.0; 4];
            Pool { window, keep, uncounted: [0; 2] }.run(&x, &mut y);
            y
        };
        assert_eq!(pooled(Keep::Largest), [4.0, 8.0, 12.0, 12.0]);
        assert_eq!(pooled(Keep::Mean), [4.0, 6.0, 8.0, 2.0]);
        assert_eq!(pooled(Keep::MeanWithBorder), [1.0, 3.0, 4.0, 2.0]);
    }
}
