//! The geodesic distance between rotations as a loss (6DRepNet's `GeodesicLoss`).

use candle_core::{Result, Tensor};

use super::arccos::arccos;

/// 1 − 1e-6: what f32 can hold of a cosine near 1. It stands for 0.08°, far below any estimator.
const EDGE: f64 = 1e-6;

/// arccos((tr(R₁·R₂ᵀ) − 1)/2), radians, of each pair of rotations.
///
/// # Shapes
/// - r1_b33, r2_b33: `[B, 3, 3]`
/// - output: `[B]`
pub fn geodesic_angles(r1_b33: &Tensor, r2_b33: &Tensor) -> Result<Tensor> {
    // tr(R₁·R₂ᵀ) = Σ R₁∘R₂
    let trace_b = (r1_b33 * r2_b33)?.flatten_from(1)?.sum(1)?;
    arccos(&((trace_b - 1.0)? / 2.0)?, EDGE)
}

/// The mean angle over the pairs of weight 1; those of weight 0 do not count. 0 without any.
///
/// # Shapes
/// - r1_b33, r2_b33: `[B, 3, 3]`; counted: B
/// - output: scalar, radians
pub fn geodesic_loss(r1_b33: &Tensor, r2_b33: &Tensor, counted: &[bool]) -> Result<Tensor> {
    let weights: Vec<f32> = counted.iter().map(|&counted| f32::from(u8::from(counted))).collect();
    let total = weights.iter().sum::<f32>().max(1.0);
    let weights = Tensor::from_vec(weights, counted.len(), r1_b33.device())?;
    let angles_b = geodesic_angles(r1_b33, r2_b33)?;
    (&angles_b * weights.to_dtype(angles_b.dtype())?)?.sum_all()? / f64::from(total)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{geodesic_angles, geodesic_loss};
    use crate::evaluators::six_d::rotations_from_6d;
    use crate::ops::gradcheck;
    use crate::rotation::{Euler, geodesic_angle, rotation_to_6d};

    fn six(degrees: [[f64; 3]; 2]) -> Tensor {
        let rows = degrees.map(|pose| rotation_to_6d(&Euler::from_degrees(pose).to_rotation()));
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    #[test]
    fn angles_are_those_of_the_matrices_and_gradients_reach_the_6d_vectors() {
        let (a, b) = ([[10.0, 40.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, -20.0, 5.0], [0.0, 90.0, 0.0]]);
        let other = rotations_from_6d(&six(b)).unwrap();
        let found = geodesic_angles(&rotations_from_6d(&six(a)).unwrap(), &other).unwrap();
        for (found, (a, b)) in found.to_vec1::<f64>().unwrap().iter().zip(a.iter().zip(b)) {
            let rotation = |pose: [f64; 3]| Euler::from_degrees(pose).to_rotation();
            let expected = geodesic_angle(&rotation(*a), &rotation(b));
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let loss = |counted: [bool; 2]| {
            let other = &other;
            move |x: &[Tensor]| geodesic_loss(&rotations_from_6d(&x[0])?, other, &counted)
        };
        gradcheck(&loss([true, true]), &[six(a)], 1e-5).unwrap();
        let second = loss([false, true])(&[six(a)]).unwrap().to_scalar::<f64>().unwrap();
        assert!((second.to_degrees() - 90.0).abs() < 1e-3, "{second}");
    }
}
