//! How a kernel or a pool moves over a picture.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use std::iter::StepBy;
use std::ops::Range;

use super::error::{Fault, Prepared};

/// A window on pictures, channels innermost. Pairs are of rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Height and width of the picture.
    pub(super) size: [usize; 2],
    pub(super) channels: usize,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Pixels added above and to the left.
    pub(super) before: [usize; 2],
    /// Pixels added below and to the right.
    pub(super) after: [usize; 2],
    /// Height and width of the output.
    pub(super) out_size: [usize; 2],
}

impl Window {
    /// From size, kernel, stride and dilation, and what is added before and after.
    pub(super) fn new(
        [size, kernel, stride, dilation]: [[usize; 2]; 4],
        [before, after]: [[usize; 2]; 2],
        channels: usize,
    ) -> Prepared<Self> {
        /// Longest side of anything: far above any picture, far below an overflow.
        const MOST: usize = 1 << 20;
        let all = [size, kernel, stride, dilation, before, after];
        if all.iter().flatten().any(|&side| side > MOST) || channels > MOST {
            return Fault::unsupported(format!("sides of {all:?}"));
        }
        if [size, kernel, stride, dilation].iter().flatten().any(|&side| side == 0) {
            return Fault::misfit(format!("a side of 0 among {all:?}"));
        }
        let mut out_size = [0; 2];
        for axis in 0..2 {
            let whole = size[axis] + before[axis] + after[axis];
            let reach = (kernel[axis] - 1) * dilation[axis] + 1;
            if whole < reach {
                return Fault::misfit(format!("a kernel {kernel:?} finds no place in {size:?}"));
            }
            out_size[axis] = (whole - reach) / stride[axis] + 1;
        }
        Ok(Self { size, channels, kernel, stride, dilation, before, after, out_size })
    }

    /// Where along an axis a tap lies for an output; none outside the picture.
    #[inline(always)]
    pub(super) fn place(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        let from_edge = output * self.stride[axis] + tap * self.dilation[axis];
        let place = from_edge.checked_sub(self.before[axis])?;
        (place < self.size[axis]).then_some(place)
    }

    /// The places along an axis that the taps of an output see, all of which lie in the picture.
    #[inline(always)]
    pub(super) fn taps(&self, axis: usize, output: usize) -> StepBy<Range<usize>> {
        let (step, before) = (self.dilation[axis], self.before[axis]);
        let start = output * self.stride[axis];
        let end = (start + self.kernel[axis] * step).saturating_sub(before).min(self.size[axis]);
        // Taps before the picture are skipped whole.
        let skipped = before.saturating_sub(start).div_ceil(step) * step;
        let start = (start + skipped).saturating_sub(before);
        (start..end.max(start)).step_by(step)
    }

    /// Whether nothing is added around the picture.
    pub(super) fn is_bare(&self) -> bool {
        self.before == [0; 2] && self.after == [0; 2]
    }

    /// Values of a picture.
    pub(super) fn values(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Values of an output picture.
    pub(super) fn out_values(&self) -> usize {
        self.out_size[0] * self.out_size[1] * self.channels
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn sizes_and_places() {
        let window = Window::new([[5, 6], [3, 3], [2, 2], [1, 1]], [[1, 1], [1, 1]], 4).unwrap();
        assert_eq!(window.out_size, [3, 3]);
        assert_eq!(window.place(0, 0, 0), None);
        assert_eq!(window.place(0, 2, 1), Some(4));
        assert_eq!(window.place(0, 2, 2), None);
        for (axis, output) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)] {
            let places: Vec<usize> =
                (0..3).filter_map(|tap| window.place(axis, output, tap)).collect();
            assert_eq!(window.taps(axis, output).collect::<Vec<_>>(), places);
        }
        assert!(Window::new([[2, 2], [3, 3], [1, 1], [1, 1]], [[0; 2]; 2], 1).is_err());
        assert!(Window::new([[2, 2], [3, 3], [0, 1], [1, 1]], [[9; 2]; 2], 1).is_err());
    }
}
