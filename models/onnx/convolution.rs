//! Convolutions in which channels see each other, as sums over what each pixel sees.

use super::dense::{Dense, Pixels, Run};
use super::element::Element;
use super::window::Window;

/// A convolution of pictures, channels innermost.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    /// Over the picture with what is added around it.
    window: Window,
    /// For each output pixel, where what it sees begins in that.
    bases: Vec<u32>,
    /// One for each group of channels.
    groups: Vec<Dense>,
    /// Outputs of a group.
    outputs: usize,
}

impl Convolution {
    /// `weights` are (outputs, channels of a group, rows, columns), as in the file, and `bias` has
    /// a value an output.
    pub(super) fn new(window: Window, groups: usize, weights: &[f32], bias: &[f32]) -> Self {
        let [rows, columns] = window.kernel;
        let inner = window.channels / groups;
        let taps = rows * columns;
        let wide = window.size[1] + window.before[1] + window.after[1];
        let outputs = bias.len() / groups;
        let turned = |group: usize| -> Vec<f32> {
            let of_group = &weights[group * outputs * inner * taps..][..outputs * inner * taps];
            let at = |at: usize| {
                let (output, seen) = (at / (inner * taps), at % (inner * taps));
                of_group[(output * inner + seen % inner) * taps + seen / inner]
            };
            (0..of_group.len()).map(at).collect()
        };
        let of_group = |group: usize| {
            let bias = bias[group * outputs..][..outputs].to_vec();
            Dense::new(runs(&window, wide, (groups, group)), &turned(group), bias)
        };
        let bases = (0..window.out_size[0] * window.out_size[1])
            .map(|pixel| {
                let (row, column) = (pixel / window.out_size[1], pixel % window.out_size[1]);
                let place = row * window.stride[0] * wide + column * window.stride[1];
                (place * window.channels) as u32
            })
            .collect();
        Self { window, bases, groups: (0..groups).map(of_group).collect(), outputs }
    }

    /// Multiplies every output by its scale and adds its shift.
    pub(super) fn scale(&mut self, scale: &[f32], shift: &[f32]) {
        let columns = scale.chunks_exact(self.outputs).zip(shift.chunks_exact(self.outputs));
        for (dense, (scale, shift)) in self.groups.iter_mut().zip(columns) {
            dense.scale(scale, shift);
        }
    }

    /// Values of `scratch`: a picture with what is added around it.
    pub(super) fn scratch(&self) -> usize {
        let Window { size, before, after, channels, .. } = self.window;
        if self.window.is_bare() {
            return 0;
        }
        (size[0] + before[0] + after[0]) * (size[1] + before[1] + after[1]) * channels
    }

    /// Convolves all pictures of `x` and does what follows.
    pub(super) fn run(
        &self,
        (x, scratch): (&[f32], &mut [f32]),
        y: &mut [f32],
        follows: (&[Element], &[&[f32]]),
    ) {
        let all = self.groups.len() * self.outputs;
        for (at, picture) in x.chunks_exact(self.window.values()).enumerate() {
            let seen = if self.window.is_bare() {
                picture
            } else {
                surrounded(&self.window, picture, scratch);
                &*scratch
            };
            for (group, dense) in self.groups.iter().enumerate() {
                let channel = group * self.outputs;
                let first = at * self.bases.len() * all + channel;
                let pixels = Pixels { bases: &self.bases, first, stride: all, channel };
                dense.run((seen, pixels), y, follows);
            }
        }
    }
}

/// What a pixel of one group sees: whole rows of the kernel where its values are neighbours.
fn runs(window: &Window, wide: usize, (groups, group): (usize, usize)) -> Vec<Run> {
    let Window { channels, kernel: [rows, columns], dilation, .. } = *window;
    let row = |ky: usize| ky * dilation[0] * wide * channels;
    if groups == 1 && (dilation[1] == 1 || columns == 1) {
        return (0..rows).map(|ky| Run { offset: row(ky), length: columns * channels }).collect();
    }
    let inner = channels / groups;
    let tap = |tap: usize| {
        let offset = row(tap / columns) + tap % columns * dilation[1] * channels + group * inner;
        Run { offset, length: inner }
    };
    (0..rows * columns).map(tap).collect()
}

/// Copies a picture and what is added around it.
fn surrounded(window: &Window, picture: &[f32], target: &mut [f32]) {
    let Window { size, before, after, channels, .. } = *window;
    let (row, wide) = (size[1] * channels, (size[1] + before[1] + after[1]) * channels);
    let (above, rest) = target.split_at_mut(before[0] * wide);
    above.fill(0.0);
    let (middle, below) = rest.split_at_mut(size[0] * wide);
    below.fill(0.0);
    for (target, source) in middle.chunks_exact_mut(wide).zip(picture.chunks_exact(row)) {
        let left = before[1] * channels;
        target[..left].fill(0.0);
        target[left..left + row].copy_from_slice(source);
        target[left + row..].fill(0.0);
    }
}
