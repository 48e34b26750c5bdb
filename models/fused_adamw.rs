//! One AdamW update of one tensor: a single fused pass on the CPU, plain tensor ops elsewhere.
//!
//! candle's own AdamW makes some fifteen single-threaded passes (13× the time of PyTorch's).

use candle_core::{Result, Tensor, Var};
use rayon::prelude::*;

use crate::host_values::{with_values, with_values_mut};

/// The scalars of one update, the same for every value of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficients {
    /// Factor on the gradient (clipping).
    pub(crate) gradient_scale: f32,
    /// Factor on the parameter: 1 − lr·λ.
    pub(crate) keep: f32,
    /// Decay of the first moment.
    pub(crate) beta1: f32,
    /// 1 − β1, rounded from f64: in f32 arithmetic 1 − 0.999 is 5e-5 off.
    pub(crate) gain1: f32,
    /// Decay of the second moment.
    pub(crate) beta2: f32,
    /// 1 − β2, likewise.
    pub(crate) gain2: f32,
    /// Added to the root of the second moment.
    pub(crate) eps: f32,
    /// lr / (1 − β1ᵗ).
    pub(crate) step_size: f32,
    /// 1 / √(1 − β2ᵗ).
    pub(crate) inverse_root_correction: f32,
}

/// Updates `var` and its moments `(m, v)` in place.
pub(crate) fn update(
    var: &Var,
    gradient: &Tensor,
    moments: (&Tensor, &Tensor),
    coefficients: &Coefficients,
) -> Result<()> {
    if !var.device().is_cpu() {
        return update_by_tensor_ops(var, gradient, moments, coefficients);
    }
    let gradient = gradient.contiguous()?;
    with_values_mut(var, |parameters| {
        with_values_mut(moments.0, |m| {
            with_values_mut(moments.1, |v| {
                with_values(&gradient, |g| update_slices(parameters, g, (m, v), coefficients))
            })
        })
    })
}

/// Values per parallel job: large enough to hide the cost of a job, small enough for any core's L2.
const CHUNK: usize = 1 << 14;

/// The update is elementwise, so the split over threads changes no bit.
fn update_slices(
    parameters: &mut [f32],
    gradient: &[f32],
    (m, v): (&mut [f32], &mut [f32]),
    coefficients: &Coefficients,
) {
    parameters
        .par_chunks_mut(CHUNK)
        .zip(gradient.par_chunks(CHUNK))
        .zip(m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK)))
        .for_each(|((parameters, gradient), (m, v))| {
            for (((parameter, gradient), m), v) in parameters.iter_mut().zip(gradient).zip(m).zip(v)
            {
                update_value(parameter, *gradient, (m, v), coefficients);
            }
        });
}

#[inline]
fn update_value(
    parameter: &mut f32,
    gradient: f32,
    (m, v): (&mut f32, &mut f32),
    c: &Coefficients,
) {
    let gradient = gradient * c.gradient_scale;
    *m = c.beta1 * *m + c.gain1 * gradient;
    *v = c.beta2 * *v + c.gain2 * (gradient * gradient);
    let denominator = v.sqrt() * c.inverse_root_correction + c.eps;
    *parameter = c.keep * *parameter - c.step_size * (*m / denominator);
}

fn update_by_tensor_ops(
    var: &Var,
    gradient: &Tensor,
    (m, v): (&Tensor, &Tensor),
    c: &Coefficients,
) -> Result<()> {
    let scaled = |tensor: &Tensor, factor: f32| tensor.affine(f64::from(factor), 0.0);
    let gradient = scaled(gradient, c.gradient_scale)?;
    let next_m = (scaled(m, c.beta1)? + scaled(&gradient, c.gain1)?)?;
    let next_v = (scaled(v, c.beta2)? + scaled(&gradient.sqr()?, c.gain2)?)?;
    let denominator =
        next_v.sqrt()?.affine(f64::from(c.inverse_root_correction), f64::from(c.eps))?;
    let step = scaled(&(&next_m / denominator)?, c.step_size)?;
    var.set(&(scaled(&var.as_detached_tensor(), c.keep)? - step)?)?;
    m.slice_set(&next_m, 0, 0)?;
    v.slice_set(&next_v, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::{Coefficients, update, update_by_tensor_ops};
    use candle_core::{Device, Tensor, Var};

    #[test]
    fn the_fused_pass_equals_the_tensor_ops() {
        let device = Device::Cpu;
        let coefficients = Coefficients {
            gradient_scale: 0.5,
            keep: 0.999,
            beta1: 0.9,
            gain1: 0.1,
            beta2: 0.99,
            gain2: 0.01,
            eps: 1e-8,
            step_size: 0.01,
            inverse_root_correction: 3.0,
        };
        let ramp = |offset: f64| Tensor::arange(1f32, 41.0, &device).unwrap().affine(0.1, offset);
        let gradient = ramp(-2.0).unwrap();
        let run = |fused: bool| {
            let var = Var::from_tensor(&ramp(-1.0).unwrap()).unwrap();
            let (m, v) = (ramp(0.3).unwrap(), ramp(0.4).unwrap());
            let step = if fused { update } else { update_by_tensor_ops };
            step(&var, &gradient, (&m, &v), &coefficients).unwrap();
            [var.as_detached_tensor(), m, v].map(|tensor| tensor.to_vec1::<f32>().unwrap())
        };
        for (fused, plain) in run(true).into_iter().flatten().zip(run(false).into_iter().flatten())
        {
            assert!((fused - plain).abs() <= 1e-6 * plain.abs().max(1.0), "{fused} {plain}");
        }
    }
}
