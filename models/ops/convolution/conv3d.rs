//! Convolution of films.

use candle_core::{Result, Tensor, bail};

use super::conv2d::plain;
use super::geometry::{Conv2d, Geometry};
use super::recorded::{applies, convolution};

/// How a kernel moves over a film. Time has no padding: a causal convolution is given the frames
/// before its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv3d {
    /// Within a frame.
    pub frame: Conv2d,
    /// Frames between two places of the kernel.
    pub time_stride: usize,
}

/// Cross-correlation of films with a kernel, plus a bias. Operands that ask for no gradient get
/// none computed.
///
/// # Shapes
/// `x` (B, T, C, H, W), frames before channels; `weight` (O, C/groups, kt, kh, kw), `bias` (O) →
/// (B, T', O, H', W') with T' = ⌊(T − kt)/time_stride⌋ + 1, H' and W' as in
/// [`conv2d`](super::conv2d).
///
/// # Errors
/// When the shapes do not fit together.
pub fn conv3d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: Conv3d) -> Result<Tensor> {
    let (Ok(film), Ok(kernel)) = (<[usize; 5]>::try_from(x.dims()), weight.dims().try_into())
    else {
        bail!(
            "`conv3d` expects x [B, T, C, H, W] and a weight [O, C/groups, kt, kh, kw], found \
             {:?} and {:?}",
            x.dims(),
            weight.dims()
        )
    };
    let geometry = Geometry::new(film, kernel, conv.frame, conv.time_stride)?;
    geometry.check_bias(bias)?;
    let outputs = geometry.conv.groups * geometry.outputs;
    let (frames, [height, width]) = (geometry.out_frames, geometry.out_size);
    let shape = (film[0], frames, outputs, height, width);
    if applies(x, weight, bias) {
        return convolution(geometry, (x, weight), bias, shape);
    }
    // A sum of convolutions of pictures, one for each frame of the kernel.
    let mut sum: Option<Tensor> = None;
    for at in 0..kernel[2] {
        let places: Vec<u32> =
            (0..frames).map(|frame| (frame * conv.time_stride + at) as u32).collect();
        let places = Tensor::from_vec(places, frames, x.device())?;
        let pictures = x.contiguous()?.index_select(&places, 1)?.flatten(0, 1)?;
        let bias = bias.filter(|_| at == 0);
        let term = plain(&pictures, &weight.narrow(2, at, 1)?.squeeze(2)?, bias, conv.frame)?;
        sum = Some(match sum {
            None => term,
            Some(sum) => (sum + term)?,
        });
    }
    match sum {
        Some(sum) => sum.reshape(shape),
        None => bail!("`conv3d` was given a kernel without frames"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Result, Tensor};

    use super::{Conv2d, Conv3d, conv3d};
    use crate::ops::agreement::{assert_agrees, sample};

    /// The definition, value by value.
    fn naive(x: &[Tensor], conv: Conv3d) -> Result<Tensor> {
        let (&[b, t, _, h, w], &[o, c, kt, kh, kw]) = (x[0].dims(), x[1].dims()) else {
            panic!("five dimensions each")
        };
        let Conv2d { stride, padding: [top, bottom, left, right], groups } = conv.frame;
        let padded = x[0].pad_with_zeros(3, top, bottom)?.pad_with_zeros(4, left, right)?;
        let size = |whole: usize, kernel: usize, stride: usize| (whole - kernel) / stride + 1;
        let (frames, rows) = (size(t, kt, conv.time_stride), size(h + top + bottom, kh, stride));
        let columns = size(w + left + right, kw, stride);
        let mut values = vec![];
        for at in 0..b * frames * o * rows * columns {
            let (column, row) = (at % columns, at / columns % rows);
            let (output, frame) = (at / (columns * rows) % o, at / (columns * rows * o) % frames);
            let group = output / (o / groups);
            let seen = padded
                .narrow(0, at / (columns * rows * o * frames), 1)?
                .narrow(1, frame * conv.time_stride, kt)?
                .narrow(2, group * c, c)?
                .narrow(3, row * stride, kh)?
                .narrow(4, column * stride, kw)?
                .squeeze(0)?
                .transpose(0, 1)?;
            let dot = (seen * x[1].narrow(0, output, 1)?.squeeze(0)?)?.sum_all()?;
            values.push((dot + x[2].narrow(0, output, 1)?.squeeze(0)?)?);
        }
        Tensor::stack(&values, 0)?.reshape((b, frames, o, rows, columns))
    }

    #[test]
    fn value_and_gradients_agree_with_the_definition() {
        for (x, weight, frame, time_stride) in [
            ((1, 3, 2, 3, 4), (2, 2, 3, 3, 3), Conv2d::padded(1), 1),
            ((2, 5, 1, 2, 2), (2, 1, 3, 1, 1), Conv2d::default(), 2),
            ((1, 4, 4, 3, 3), (2, 2, 2, 2, 3), Conv2d { groups: 2, ..Conv2d::padded(1) }, 1),
            ((2, 2, 3, 2, 2), (4, 3, 1, 1, 1), Conv2d::default(), 1),
        ] {
            let conv = Conv3d { frame, time_stride };
            let inputs = [sample(x, 1), sample(weight, 2), sample(weight.0, 3)];
            assert_agrees(
                &|x| conv3d(&x[0], &x[1], Some(&x[2]), conv),
                &|x| naive(x, conv),
                &inputs,
            );
        }
    }

    #[test]
    fn frames_must_suffice_for_the_kernel() {
        let conv = Conv3d { frame: Conv2d::padded(1), time_stride: 1 };
        let (x, weight) = (sample((1, 2, 1, 4, 4), 1), sample((1, 1, 3, 3, 3), 2));
        let text = conv3d(&x, &weight, None, conv).unwrap_err().to_string();
        assert!(text.contains("3×3×3 finds no place in 2 frames of 6×6 pixels"), "{text}");
        let flat = Tensor::zeros((2, 2), DType::F32, x.device()).unwrap();
        assert!(conv3d(&flat, &weight, None, conv).unwrap_err().to_string().contains("[2, 2]"));
    }
}
