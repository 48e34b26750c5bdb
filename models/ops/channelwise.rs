//! Maps of images with one coefficient a channel: the affine map of a BatchNorm, and PReLU.

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::lanes::{add, dot, sum, vectorized};
use super::record::{Rule, Step, Value, record};
use super::values::{expect_shape, on_fast_path, tensor_like, with_values};

/// Values of one task; below, splitting costs more than it gains.
const VALUES_PER_TASK: usize = 16_384;

/// x · scale + shift, with one scale and one shift a channel.
///
/// # Shapes
/// `x` (B, C, …), `scale` and `shift` (C) → (B, C, …).
///
/// # Errors
/// When the shapes do not fit together.
pub fn channel_affine(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    let (channels, plane) = channels_and_plane("channel_affine", x)?;
    expect_shape("channel_affine", "scale", scale, channels)?;
    expect_shape("channel_affine", "shift", shift, channels)?;
    if !on_fast_path(&[x, scale, shift]) {
        let broadcast = |c: &Tensor| c.reshape(per_channel(x));
        return x.broadcast_mul(&broadcast(scale)?)?.broadcast_add(&broadcast(shift)?);
    }
    let (x, scale, shift) = (x.contiguous()?, scale.contiguous()?, shift.contiguous()?);
    let y = with_values([&x, &scale, &shift], |[x, scale, shift]| {
        let mut y = x.to_vec();
        each_plane(&mut y, plane, |at, y| {
            let (scale, shift) = (scale[at % channels], shift[at % channels]);
            for y in y.iter_mut() {
                *y = y.mul_add(scale, shift);
            }
        });
        Ok(y)
    })?;
    record([&x, &scale, &shift], Value::host(y, x.shape()), Affine)
}

/// x where positive, x · slope elsewhere, with one slope a channel.
///
/// # Shapes
/// `x` (B, C, …), `slope` (C) → (B, C, …).
///
/// # Errors
/// When the shapes do not fit together.
pub fn prelu(x: &Tensor, slope: &Tensor) -> Result<Tensor> {
    let (channels, plane) = channels_and_plane("prelu", x)?;
    expect_shape("prelu", "slope", slope, channels)?;
    if !on_fast_path(&[x, slope]) {
        let negative = (x - x.relu()?)?;
        return x.relu()? + negative.broadcast_mul(&slope.reshape(per_channel(x))?)?;
    }
    let (x, slope) = (x.contiguous()?, slope.contiguous()?);
    let y = with_values([&x, &slope], |[x, slope]| {
        let mut y = x.to_vec();
        each_plane(&mut y, plane, |at, y| bend(y, None, slope[at % channels]));
        Ok(y)
    })?;
    record([&x, &slope], Value::host(y, x.shape()), Prelu)
}

struct Affine;

impl Rule<3> for Affine {
    const NAME: &'static str = "channel_affine";

    /// ∂/∂x = g·scale, ∂/∂scale = Σ g·x and ∂/∂shift = Σ g over batch and plane.
    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([x, scale, shift], wanted) = (&step.operands, step.wanted);
        let (channels, plane) = channels_and_plane(Self::NAME, x)?;
        with_values([x, scale, &step.grad], |[x_values, scale_values, grad]| {
            let in_x = wanted[0].then(|| {
                let mut target = grad.to_vec();
                each_plane(&mut target, plane, |at, target| {
                    super::lanes::scale(target, scale_values[at % channels]);
                });
                tensor_like(target, x)
            });
            let in_scale = wanted[1].then(|| {
                let sums = channel_sums((grad, x_values), (channels, plane), dot);
                tensor_like(sums, scale)
            });
            let in_shift = wanted[2].then(|| {
                let sums = channel_sums((grad, grad), (channels, plane), |g, _| sum(g));
                tensor_like(sums, shift)
            });
            Ok([in_x.transpose()?, in_scale.transpose()?, in_shift.transpose()?])
        })
    }
}

struct Prelu;

impl Rule<2> for Prelu {
    const NAME: &'static str = "prelu";

    /// ∂/∂x = g or g·slope, ∂/∂slope = Σ g·x over the negative x.
    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let ([x, slope], wanted) = (&step.operands, step.wanted);
        let (channels, plane) = channels_and_plane(Self::NAME, x)?;
        with_values([x, slope, &step.grad], |[x_values, slopes, grad]| {
            let in_x = wanted[0].then(|| {
                let mut target = grad.to_vec();
                each_plane(&mut target, plane, |at, target| {
                    let x = &x_values[at * plane..][..target.len()];
                    bend(target, Some(x), slopes[at % channels]);
                });
                tensor_like(target, x)
            });
            let in_slope = wanted[1].then(|| {
                let sums = channel_sums((grad, x_values), (channels, plane), negative_dot);
                tensor_like(sums, slope)
            });
            Ok([in_x.transpose()?, in_slope.transpose()?])
        })
    }
}

/// y · slope wherever `x` (`y` itself if there is none) is not positive.
#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn bend(y: &mut [f32], x: Option<&[f32]>, slope: f32) {
    match x {
        None => y.iter_mut().for_each(|y| *y *= if *y > 0.0 { 1.0 } else { slope }),
        Some(x) => {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y *= if x > 0.0 { 1.0 } else { slope });
        }
    }
}

/// Σ g·x over the x that are not positive.
#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn negative_dot(grad: &[f32], x: &[f32]) -> f32 {
    dot(grad, x) - grad.iter().zip(x).fold(0.0, |sum, (&g, &x)| g.mul_add(x.max(0.0), sum))
}

/// Calls `map` with every plane of `values` and its number, counting channels within images.
fn each_plane(values: &mut [f32], plane: usize, map: impl Fn(usize, &mut [f32]) + Sync) {
    let planes = values.par_chunks_mut(plane).enumerate();
    planes.with_min_len(VALUES_PER_TASK.div_ceil(plane)).for_each(|(at, values)| {
        vectorized(
            #[inline(always)]
            || map(at, values),
        );
    });
}

/// `of` two planes, summed over the batch in its order, for every channel.
fn channel_sums(
    (a, b): (&[f32], &[f32]),
    (channels, plane): (usize, usize),
    of: impl Fn(&[f32], &[f32]) -> f32 + Sync,
) -> Vec<f32> {
    let mut sums = vec![0.0; a.len() / plane];
    let planes = sums.par_iter_mut().zip(a.par_chunks(plane).zip(b.par_chunks(plane)));
    planes.with_min_len(VALUES_PER_TASK.div_ceil(plane)).for_each(|(sum, (a, b))| {
        *sum = vectorized(
            #[inline(always)]
            || of(a, b),
        );
    });
    let mut totals = vec![0.0; channels];
    sums.chunks(channels).for_each(|sums| add(&mut totals, sums));
    totals
}

/// Number of channels, and of values of one channel of one image.
fn channels_and_plane(op: &str, x: &Tensor) -> Result<(usize, usize)> {
    match x.dims() {
        [_, channels, plane @ ..] if x.elem_count() > 0 => Ok((*channels, plane.iter().product())),
        dims => bail!("`{op}` expects images (B, C, …) that are not empty, found {dims:?}"),
    }
}

/// The shape (1, C, 1, …) that broadcasts against `x`.
fn per_channel(x: &Tensor) -> Vec<usize> {
    x.dims().iter().enumerate().map(|(at, &side)| if at == 1 { side } else { 1 }).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::{channel_affine, prelu};
    use crate::ops::agreement::{assert_agrees, sample};

    fn column(c: &Tensor) -> Tensor {
        c.reshape((1, c.elem_count(), 1, 1)).unwrap()
    }

    #[test]
    fn affine_maps_agree_with_the_composition() {
        let inputs = [sample((2, 3, 5, 7), 1), sample(3, 2), sample(3, 3)];
        let fused = |x: &[Tensor]| channel_affine(&x[0], &x[1], &x[2]);
        let naive =
            |x: &[Tensor]| x[0].broadcast_mul(&column(&x[1]))?.broadcast_add(&column(&x[2]));
        assert_agrees(&fused, &naive, &inputs);
    }

    #[test]
    fn affine_maps_of_vectors_too() {
        let inputs = [sample((4, 3), 1), sample(3, 2), sample(3, 3)];
        let fused = |x: &[Tensor]| channel_affine(&x[0], &x[1], &x[2]);
        let naive = |x: &[Tensor]| x[0].broadcast_mul(&x[1])?.broadcast_add(&x[2]);
        assert_agrees(&fused, &naive, &inputs);
    }

    #[test]
    fn prelu_agrees_with_the_composition() {
        // Kept away from 0, where the slope jumps.
        let x = sample((2, 3, 3, 5), 1);
        let x = (&x + x.sign().unwrap() * 0.1).unwrap();
        let naive = |x: &[Tensor]| {
            let slope = x[1].reshape((1, 3, 1, 1))?;
            x[0].relu()? - x[0].neg()?.relu()?.broadcast_mul(&slope)?
        };
        assert_agrees(&|x| prelu(&x[0], &x[1]), &naive, &[x, sample(3, 2)]);
    }

    #[test]
    fn one_coefficient_too_few_is_refused() {
        let error = prelu(&sample((1, 3, 2, 2), 1), &sample(2, 2)).unwrap_err().to_string();
        let expected = "`prelu` expects `slope` of shape [3], found [2]";
        assert_eq!(error.lines().next(), Some(expected));
    }
}
