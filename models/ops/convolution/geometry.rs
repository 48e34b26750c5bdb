//! The sizes of a convolution.

use candle_core::{Result, Tensor, bail};

use super::super::values::expect_shape;

/// How a kernel moves over a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Pixels between two places of the kernel, in both directions.
    pub stride: usize,
    /// Zeros around the picture: top, bottom, left, right.
    pub padding: [usize; 4],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Conv2d {
    /// One group, stride 1, `padding` zeros on every side.
    pub const fn padded(padding: usize) -> Self {
        Self { stride: 1, padding: [padding; 4], groups: 1 }
    }
}

impl Default for Conv2d {
    /// One group, stride 1, no padding.
    fn default() -> Self {
        Self::padded(0)
    }
}

/// A convolution of given operands. A picture is a film of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) conv: Conv2d,
    /// Frames between two places of the kernel.
    pub(super) time_stride: usize,
    pub(super) batch: usize,
    /// Frames of a film of the input.
    pub(super) frames: usize,
    /// Channels of one group of the input.
    pub(super) channels: usize,
    /// Height and width of the input.
    pub(super) size: [usize; 2],
    /// Channels of one group of the output.
    pub(super) outputs: usize,
    /// Frames, height and width of the kernel.
    pub(super) kernel: [usize; 3],
    /// Frames of a film of the output.
    pub(super) out_frames: usize,
    /// Height and width of the output.
    pub(super) out_size: [usize; 2],
}

impl Geometry {
    /// Films `[batch, frames, channels, height, width]` under a kernel `[outputs, channels/groups,
    /// frames, height, width]`. Fails when the shapes do not fit together, naming them.
    pub(super) fn new(
        film: [usize; 5],
        kernel: [usize; 5],
        conv: Conv2d,
        time_stride: usize,
    ) -> Result<Self> {
        let [batch, frames, channels, height, width] = film;
        let [outputs, inner, kt, kh, kw] = kernel;
        let Conv2d { stride, padding: [top, bottom, left, right], groups } = conv;
        if [stride, time_stride, groups].contains(&0) || kernel.contains(&0) {
            bail!("a convolution cannot run with {conv:?} and a kernel {kernel:?}");
        }
        if inner * groups != channels || !outputs.is_multiple_of(groups) {
            bail!(
                "a convolution in {groups} groups cannot take {channels} channels through a \
                 kernel of {outputs}×{inner}"
            );
        }
        let (tall, wide) = (height + top + bottom, width + left + right);
        if frames < kt || tall < kh || wide < kw {
            bail!(
                "a kernel of {kt}×{kh}×{kw} finds no place in {frames} frames of {tall}×{wide} \
                 pixels"
            );
        }
        Ok(Self {
            conv,
            time_stride,
            batch,
            frames,
            channels: inner,
            size: [height, width],
            outputs: outputs / groups,
            kernel: [kt, kh, kw],
            out_frames: (frames - kt) / time_stride + 1,
            out_size: [(tall - kh) / stride + 1, (wide - kw) / stride + 1],
        })
    }

    /// Fails unless the bias has a value for each output channel.
    pub(super) fn check_bias(&self, bias: Option<&Tensor>) -> Result<()> {
        let outputs = self.conv.groups * self.outputs;
        bias.map_or(Ok(()), |bias| expect_shape("convolution", "bias", bias, outputs))
    }

    /// Values of the kernel on one channel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Values that one output value is made from.
    pub(super) fn depth(&self) -> usize {
        self.channels * self.taps()
    }

    /// Values of one frame of the input, all groups.
    pub(super) fn frame_values(&self) -> usize {
        self.conv.groups * self.channels * self.size[0] * self.size[1]
    }

    /// Values of one film of the input.
    pub(super) fn film_values(&self) -> usize {
        self.frames * self.frame_values()
    }

    /// Frames of the output, of all films.
    pub(super) fn all_frames(&self) -> usize {
        self.batch * self.out_frames
    }

    /// Pixels of an output channel.
    pub(super) fn out_pixels(&self) -> usize {
        self.out_size[0] * self.out_size[1]
    }

    /// Values of the output.
    pub(super) fn out_values(&self) -> usize {
        self.all_frames() * self.conv.groups * self.outputs * self.out_pixels()
    }

    /// Where the values of one group begin that the output frame `at` (of all films) sees.
    pub(super) fn first_seen(&self, at: usize, group: usize) -> usize {
        let (film, frame) = (at / self.out_frames, at % self.out_frames);
        let first = film * self.frames + frame * self.time_stride;
        first * self.frame_values() + group * self.frame_values() / self.conv.groups
    }

    /// Whether an output pixel sees just its own input pixel, so that x is its own patches.
    pub(super) fn is_pointwise(&self) -> bool {
        self.taps() == 1
            && self.conv.stride == 1
            && self.time_stride == 1
            && self.conv.padding == [0; 4]
    }
}
