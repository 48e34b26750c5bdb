//! Where windows lie on images, and what they hold.

use std::ops::Range;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Square windows of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Side of a window, in pixels.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Pixels added on every side; they never win a maximum. At most half of `kernel`.
    pub padding: usize,
}

/// Where the windows of images of one size lie.
pub(super) struct Grid {
    pub(super) pool: Pool2d,
    /// Height and width of an image.
    pub(super) sides: [usize; 2],
    /// Windows down and across.
    pub(super) windows: [usize; 2],
    /// Of the windows of all images.
    pub(super) output: Shape,
}

impl Grid {
    pub(super) fn new(x: &Tensor, pool: Pool2d) -> Result<Self> {
        let (b, c, h, w) = x.dims4()?;
        let Pool2d { kernel, stride, padding } = pool;
        let shortest = h.min(w) + 2 * padding;
        if kernel == 0 || stride == 0 || padding > kernel / 2 || shortest < kernel {
            bail!("no {pool:?} fits images of {h}×{w}")
        }
        let windows = [h, w].map(|side| (side + 2 * padding - kernel) / stride + 1);
        Ok(Self { pool, sides: [h, w], windows, output: (b, c, windows[0], windows[1]).into() })
    }

    /// The pixels of window `at` along one axis.
    pub(super) fn span(&self, axis: usize, at: usize) -> Range<usize> {
        let Pool2d { kernel, stride, padding } = self.pool;
        let start = at * stride;
        start.saturating_sub(padding)..(start + kernel - padding).min(self.sides[axis])
    }

    /// Calls `visit` with every window of a plane, row by row: its number, rows and columns.
    pub(super) fn each_window(&self, mut visit: impl FnMut(usize, Range<usize>, Range<usize>)) {
        for row in 0..self.windows[0] {
            for column in 0..self.windows[1] {
                let at = row * self.windows[1] + column;
                visit(at, self.span(0, row), self.span(1, column));
            }
        }
    }

    /// Values of an image plane and of a plane of windows.
    pub(super) fn planes(&self) -> (usize, usize) {
        (self.sides.iter().product(), self.windows.iter().product())
    }

    /// Maxima and the places within the plane where they stand.
    pub(super) fn maxima(&self, x: &[f32]) -> (Vec<f32>, Vec<u32>) {
        let (plane, windows) = self.planes();
        let mut y = vec![0.0; self.output.elem_count()];
        let mut places = vec![0; y.len()];
        let targets = y.par_chunks_mut(windows).zip(places.par_chunks_mut(windows));
        targets.zip(x.par_chunks(plane)).for_each(|((y, places), x)| {
            self.each_window(|at, rows, columns| {
                let first = rows.start * self.sides[1] + columns.start;
                let (mut best, mut place) = (x[first], first);
                for start in rows.map(|row| row * self.sides[1]) {
                    for (here, &value) in columns.clone().zip(&x[start + columns.start..]) {
                        // As in PyTorch a NaN wins and stays.
                        if value > best || value.is_nan() {
                            (best, place) = (value, start + here);
                        }
                    }
                }
                (y[at], places[at]) = (best, place as u32);
            });
        });
        (y, places)
    }

    pub(super) fn means(&self, x: &[f32], count_padding: bool) -> Vec<f32> {
        let (plane, windows) = self.planes();
        let mut y = vec![0.0; self.output.elem_count()];
        y.par_chunks_mut(windows).zip(x.par_chunks(plane)).for_each(|(y, x)| {
            self.each_window(|at, rows, columns| {
                let share = self.share(rows.len() * columns.len(), count_padding);
                let mut sum = 0.0;
                for row in rows {
                    sum += x[row * self.sides[1]..][columns.clone()].iter().sum::<f32>();
                }
                y[at] = sum * share;
            });
        });
        y
    }

    /// What one of `pixels` weighs in the mean of its window.
    pub(super) fn share(&self, pixels: usize, count_padding: bool) -> f32 {
        let count = if count_padding { self.pool.kernel * self.pool.kernel } else { pixels };
        1.0 / count as f32
    }
}
