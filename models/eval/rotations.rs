//! Rotation matrices from the 6-D vectors of a network, in tensors, so that a loss on them trains it.

use candle_core::{D, Result, Tensor};

/// The rotations of 6-D vectors, as [`crate::rotation::rotation_from_6d`] computes one.
///
/// # Shapes
/// - vectors: `[B, 6]`
/// - output: `[B, 3, 3]`
pub fn rotations_from_6d(vectors: &Tensor) -> Result<Tensor> {
    let x = normalised(&vectors.narrow(1, 0, 3)?)?;
    let z = normalised(&cross(&x, &vectors.narrow(1, 3, 3)?)?)?;
    let y = cross(&z, &x)?;
    Tensor::stack(&[x, y, z], 2)
}

/// v/‖v‖, with 6DRepNet's guard for short ones.
fn normalised(v: &Tensor) -> Result<Tensor> {
    const SHORTEST: f64 = 1e-8;
    let length = v.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
    v.broadcast_div(&length.maximum(SHORTEST)?)
}

fn cross(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let part = |v: &Tensor, at: usize| v.narrow(1, at % 3, 1);
    let entry =
        |at: usize| (part(a, at + 1)? * part(b, at + 2)?)? - (part(a, at + 2)? * part(b, at + 1)?)?;
    Tensor::cat(&[entry(0)?, entry(1)?, entry(2)?], 1)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::rotations_from_6d;
    use crate::ops::gradcheck;
    use crate::rotation::rotation_from_6d;
    use crate::stream::Stream;

    #[test]
    fn tensors_agree_with_numbers_and_differences() {
        let mut stream = Stream::new(1, "test/6d", 0);
        let vectors = stream.normal_tensor((4, 6), 1.0, &Device::Cpu).unwrap();
        let vectors = vectors.to_dtype(DType::F64).unwrap();
        let found = rotations_from_6d(&vectors).unwrap().to_vec3::<f64>().unwrap();
        for (row, found) in vectors.to_vec2::<f64>().unwrap().iter().zip(found) {
            let expected = rotation_from_6d(row.as_slice().try_into().unwrap());
            for (found, expected) in found.concat().iter().zip(expected.concat()) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
        gradcheck(&|x| rotations_from_6d(&x[0]), &[vectors], 1e-6).unwrap();
    }
}
