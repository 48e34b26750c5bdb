//! The largest or the mean of what a window sees.

use super::window::Window;

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
        let window = &self.window;
        let pictures = x.chunks_exact(window.values());
        for (x, y) in pictures.zip(y.chunks_exact_mut(window.out_values())) {
            for (at, pixel) in y.chunks_exact_mut(window.channels).enumerate() {
                let place = [at / window.out_size[1], at % window.out_size[1]];
                pulp::Arch::new().dispatch(
                    #[inline(always)]
                    || self.pixel(x, place, pixel),
                );
            }
        }
    }

    #[inline(always)]
    fn pixel(&self, x: &[f32], [row, column]: [usize; 2], pixel: &mut [f32]) {
        let window = &self.window;
        let largest = self.keep == Keep::Largest;
        pixel.fill(if largest { f32::NEG_INFINITY } else { 0.0 });
        let mut seen = 0;
        for ky in 0..window.kernel[0] {
            let Some(y) = window.place(0, row, ky) else { continue };
            for kx in 0..window.kernel[1] {
                let Some(x_at) = window.place(1, column, kx) else { continue };
                seen += 1;
                let values = &x[(y * window.size[1] + x_at) * window.channels..][..pixel.len()];
                if largest {
                    for (best, &value) in pixel.iter_mut().zip(values) {
                        *best = if value > *best { value } else { *best };
                    }
                } else {
                    pixel.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
            }
        }
        if !largest {
            let count = if self.keep == Keep::Mean { seen } else { self.counted([row, column]) };
            let share = 1.0 / (count as f32).max(1.0);
            pixel.iter_mut().for_each(|sum| *sum *= share);
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
