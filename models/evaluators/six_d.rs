//! Rotation matrices from 6D vectors, as tensors with gradients.

use candle_core::{D, Result, Tensor};

/// Added under the root of a squared length, so that a zero vector has a finite gradient.
const TINY: f64 = 1e-12;

/// Zhou et al. 2019 in 6DRepNet's variant: x = a/‖a‖, z = x×b/‖x×b‖, y = z×x, as columns. The same
/// as [`crate::rotation::rotation_from_6d`].
///
/// # Shapes
/// - six_bd: `[B, 6]`, a and b
/// - output: `[B, 3, 3]`
pub fn rotations_from_6d(six_bd: &Tensor) -> Result<Tensor> {
    let x = unit(&six_bd.narrow(1, 0, 3)?)?;
    let z = unit(&cross(&x, &six_bd.narrow(1, 3, 3)?)?)?;
    let y = cross(&z, &x)?;
    Tensor::stack(&[x, y, z], 2)
}

fn unit(v_b3: &Tensor) -> Result<Tensor> {
    v_b3.broadcast_div(&(v_b3.sqr()?.sum_keepdim(D::Minus1)? + TINY)?.sqrt()?)
}

fn cross(a_b3: &Tensor, b_b3: &Tensor) -> Result<Tensor> {
    let part = |v: &Tensor, axis: usize| v.narrow(1, axis % 3, 1);
    let entry = |axis: usize| -> Result<Tensor> {
        let (next, after) = (axis + 1, axis + 2);
        (part(a_b3, next)? * part(b_b3, after)?)? - (part(a_b3, after)? * part(b_b3, next)?)?
    };
    Tensor::cat(&[entry(0)?, entry(1)?, entry(2)?], 1)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::rotations_from_6d;
    use crate::ops::gradcheck;
    use crate::rotation::rotation_from_6d;

    const VECTORS: [[f64; 6]; 2] =
        [[0.9, 0.1, -0.2, 0.3, 1.1, 0.2], [-0.4, 0.5, 0.7, 0.2, -0.6, 0.3]];

    #[test]
    fn matrices_and_gradients_are_right() {
        let six = Tensor::new(&VECTORS, &Device::Cpu).unwrap();
        let found = rotations_from_6d(&six).unwrap().to_vec3::<f64>().unwrap();
        for (found, vector) in found.iter().zip(VECTORS) {
            let expected = rotation_from_6d(vector);
            for (row, expected) in found.iter().zip(expected) {
                for (value, expected) in row.iter().zip(expected) {
                    assert!((value - expected).abs() < 1e-9, "{value} {expected}");
                }
            }
        }
        gradcheck(&|x| rotations_from_6d(&x[0]), &[six], 1e-6).unwrap();
    }
}
