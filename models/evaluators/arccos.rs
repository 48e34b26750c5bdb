//! The arccosine, which candle has neither forward nor backward.

use candle_core::{DType, Device, Result, Tensor};

/// arccos of values that are clamped to (−1, 1) by `edge`, elementwise: at ±1 the slope is
/// infinite.
///
/// The value and the slope are computed on the host; the result is the tangent there, which has the
/// exact value and the exact gradient.
pub(super) fn arccos(x: &Tensor, edge: f64) -> Result<Tensor> {
    let x = x.clamp(-1.0 + edge, 1.0 - edge)?;
    let at = x.detach();
    let values: Vec<f64> =
        at.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    let place = |values: Vec<f64>| -> Result<Tensor> {
        Tensor::from_vec(values, x.shape(), &Device::Cpu)?
            .to_dtype(x.dtype())?
            .to_device(x.device())
    };
    let slopes = values.iter().map(|x| -1.0 / (1.0 - x * x).sqrt()).collect();
    let angles = values.into_iter().map(f64::acos).collect();
    ((&x - at)? * place(slopes)?)? + place(angles)?
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::arccos;
    use crate::ops::gradcheck;

    #[test]
    fn values_and_gradients_are_right_and_finite_at_the_ends() {
        let x = Tensor::new(&[-0.9_f64, -0.2, 0.0, 0.7], &Device::Cpu).unwrap();
        let found = arccos(&x, 1e-7).unwrap().to_vec1::<f64>().unwrap();
        for (found, x) in found.iter().zip([-0.9_f64, -0.2, 0.0, 0.7]) {
            assert!((found - x.acos()).abs() < 1e-12);
        }
        gradcheck(&|x| arccos(&x[0], 1e-7), &[x], 1e-6).unwrap();
        let ends = Tensor::new(&[-1.0_f32, 1.0, 1.5], &Device::Cpu).unwrap();
        let angles = arccos(&ends, 1e-6).unwrap().to_vec1::<f32>().unwrap();
        assert!(angles.iter().all(|angle| angle.is_finite()), "{angles:?}");
    }
}
