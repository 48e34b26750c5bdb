//! Root-mean-square normalisation over the channels of pictures.

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::lanes::{dot3, vectorized};
use super::record::{Rule, Step, Value, record};
use super::values::{expect_shape, on_fast_path, tensor_like, with_values};

/// Lengths below this count as this (torch's `F.normalize`).
const SHORTEST: f32 = 1e-12;
/// Pixels of one task.
const PIXELS_PER_TASK: usize = 1024;

/// √C · x / ‖x‖ · weight, ‖x‖ the length over the channels of a pixel.
///
/// # Shapes
/// `x` (N, C, H, W), `weight` (C) → (N, C, H, W).
///
/// # Errors
/// When the shapes do not fit together.
pub fn channel_rms_norm(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let &[_, channels, height, width] = x.dims() else {
        bail!("`channel_rms_norm` expects x [N, C, H, W], found {:?}", x.dims())
    };
    expect_shape("channel_rms_norm", "weight", weight, channels)?;
    if !on_fast_path(&[x, weight]) {
        return plain(x, weight);
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let sizes = Sizes { channels, pixels: height * width };
    let (y, scales) = with_values([&x, &weight], |[x, weight]| {
        let scales = sizes.scales(x);
        let mut y = vec![0.0; x.len()];
        let rows = y.par_chunks_mut(sizes.pixels).zip(x.par_chunks(sizes.pixels)).enumerate();
        rows.for_each(|(row, (y, x))| {
            let (scales, weight) = (sizes.of_picture(&scales, row), weight[row % channels]);
            for ((y, x), scale) in y.iter_mut().zip(x).zip(scales) {
                *y = x * scale * weight;
            }
        });
        Ok((y, scales))
    })?;
    record([&x, &weight], Value::host(y, x.shape()), ChannelNorm { sizes, scales })
}

fn plain(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let channels = weight.dim(0)?;
    let length = x.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(f64::from(SHORTEST))?;
    let weight = (weight.reshape((1, channels, 1, 1))? * (channels as f64).sqrt())?;
    x.broadcast_div(&length)?.broadcast_mul(&weight)
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    channels: usize,
    /// Pixels of a channel.
    pixels: usize,
}

impl Sizes {
    /// √C / ‖x‖ of every pixel of every picture.
    fn scales(&self, x: &[f32]) -> Vec<f32> {
        let root = (self.channels as f32).sqrt();
        self.over_channels(x.len() / self.channels, |channel, sums, at| {
            let x = &x[self.start(at, channel)..][..sums.len()];
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum = x.mul_add(*x, *sum));
        })
        .into_iter()
        .map(|sum| root / sum.sqrt().max(SHORTEST))
        .collect()
    }

    /// A value for each of `count` pixels: `add` is called for the channels in order, with the
    /// sums of some neighbouring pixels and the place of the first among the pixels of all
    /// pictures.
    fn over_channels(
        &self,
        count: usize,
        add: impl Fn(usize, &mut [f32], usize) + Sync,
    ) -> Vec<f32> {
        let mut sums = vec![0.0; count];
        let pictures = sums.chunks_mut(self.pixels.max(1)).enumerate();
        let blocks: Vec<(usize, &mut [f32])> = pictures
            .flat_map(|(picture, sums)| {
                let starts = (picture * self.pixels..).step_by(PIXELS_PER_TASK);
                starts.zip(sums.chunks_mut(PIXELS_PER_TASK))
            })
            .collect();
        blocks.into_par_iter().for_each(|(at, sums)| {
            vectorized(
                #[inline(always)]
                || (0..self.channels).for_each(|channel| add(channel, sums, at)),
            );
        });
        sums
    }

    /// Where the value of `channel` lies at a pixel of all pictures.
    fn start(&self, pixel: usize, channel: usize) -> usize {
        let (picture, pixel) = (pixel / self.pixels, pixel % self.pixels);
        (picture * self.channels + channel) * self.pixels + pixel
    }

    /// The part of a value per pixel that belongs to a row (a channel of a picture).
    fn of_picture<'a>(&self, values: &'a [f32], row: usize) -> &'a [f32] {
        &values[row / self.channels * self.pixels..][..self.pixels]
    }
}

struct ChannelNorm {
    sizes: Sizes,
    scales: Vec<f32>,
}

impl ChannelNorm {
    /// s·w·g − x·s³/C·Σ w·g·x, the sum over channels.
    fn in_x(&self, x: &[f32], weight: &[f32], grad: &[f32]) -> Vec<f32> {
        let Sizes { channels, pixels } = self.sizes;
        let mut pull = self.sizes.over_channels(self.scales.len(), |channel, sums, at| {
            let start = self.sizes.start(at, channel);
            let (x, grad) = (&x[start..][..sums.len()], &grad[start..][..sums.len()]);
            for ((sum, x), grad) in sums.iter_mut().zip(x).zip(grad) {
                *sum = (x * weight[channel]).mul_add(*grad, *sum);
            }
        });
        let longest_scale = (channels as f32).sqrt() / SHORTEST;
        for (pull, &scale) in pull.iter_mut().zip(&self.scales) {
            // Below the shortest length the scale is constant.
            let slope = if scale < longest_scale { scale.powi(3) / channels as f32 } else { 0.0 };
            *pull *= slope;
        }
        let mut in_x = vec![0.0; x.len()];
        let rows =
            in_x.par_chunks_mut(pixels).zip(x.par_chunks(pixels)).zip(grad.par_chunks(pixels));
        rows.enumerate().for_each(|(row, ((in_x, x), grad))| {
            let (scales, pull) =
                (self.sizes.of_picture(&self.scales, row), self.sizes.of_picture(&pull, row));
            let weight = weight[row % channels];
            for (at, in_x) in in_x.iter_mut().enumerate() {
                *in_x = weight * scales[at] * grad[at] - x[at] * pull[at];
            }
        });
        in_x
    }

    /// Σ g·x·s over pictures and pixels.
    fn in_weight(&self, x: &[f32], grad: &[f32]) -> Vec<f32> {
        let Sizes { channels, pixels } = self.sizes;
        let of_channel = |channel: usize| {
            let rows = (channel..x.len() / pixels.max(1)).step_by(channels);
            vectorized(
                #[inline(always)]
                || {
                    rows.clone()
                        .map(|row| {
                            let (x, grad) = (&x[row * pixels..][..pixels], &grad[row * pixels..]);
                            dot3(x, grad, self.sizes.of_picture(&self.scales, row))
                        })
                        .sum()
                },
            )
        };
        (0..channels).into_par_iter().map(of_channel).collect()
    }
}

impl Rule<2> for ChannelNorm {
    const NAME: &'static str = "channel_rms_norm";

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let ([x, weight], [want_x, want_weight]) = (&step.operands, step.wanted);
        with_values([x, weight, &step.grad], |[x_values, weight_values, grad]| {
            let in_x = want_x.then(|| tensor_like(self.in_x(x_values, weight_values, grad), x));
            let in_weight =
                want_weight.then(|| tensor_like(self.in_weight(x_values, grad), weight));
            Ok([in_x.transpose()?, in_weight.transpose()?])
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{channel_rms_norm, plain};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradients_agree_with_the_composition() {
        for (x, channels) in [((1, 1, 1, 1), 1), ((2, 5, 3, 2), 5), ((3, 2, 1, 4), 2)] {
            let inputs = [sample(x, 1), sample(channels, 2)];
            assert_agrees(&|x| channel_rms_norm(&x[0], &x[1]), &|x| plain(&x[0], &x[1]), &inputs);
        }
        let large = [sample((2, 3, 40, 60), 1), sample(3, 2)];
        let found = channel_rms_norm(&large[0], &large[1]).unwrap();
        let error = (found - plain(&large[0], &large[1]).unwrap()).unwrap().abs().unwrap();
        assert!(error.max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-5);
    }

    #[test]
    fn black_pixels_stay_black_and_pass_finite_gradients() {
        let x =
            candle_core::Var::zeros((1, 384, 1, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let weight = Tensor::ones(384, candle_core::DType::F32, &Device::Cpu).unwrap();
        let y = channel_rms_norm(&x, &weight).unwrap().sum_all().unwrap();
        assert_eq!(y.to_scalar::<f32>().unwrap(), 0.0);
        let grads = y.backward().unwrap();
        let gradient = grads.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let text = channel_rms_norm(&sample((2, 3), 1), &sample(3, 2)).unwrap_err().to_string();
        assert!(text.contains("[2, 3]"), "{text}");
    }
}
