//! Finds values that are not finite in the raw bytes of a tensor.

use candle_core::DType;

/// How many values are NaN or infinite, and the flat index of the first; none if all are finite.
pub(super) fn not_finite(dtype: DType, bytes: &[u8]) -> Option<(usize, usize)> {
    // The bits of the exponent, all of them set in NaN and ∞ (IEEE 754, little-endian).
    let exponent: u64 = match dtype {
        DType::F16 => 0x7C00,
        DType::BF16 => 0x7F80,
        DType::F32 => 0x7F80_0000,
        DType::F64 => 0x7FF0_0000_0000_0000,
        _ => return None,
    };
    let is_bad = |value: &[u8]| {
        let bits = value.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        bits & exponent == exponent
    };
    let mut bad = bytes
        .chunks_exact(dtype.size_in_bytes())
        .enumerate()
        .filter(|(_, value)| is_bad(value))
        .map(|(at, _)| at);
    let first = bad.next()?;
    Some((1 + bad.count(), first))
}

#[cfg(test)]
mod tests {
    use super::not_finite;
    use candle_core::DType;

    #[test]
    fn only_nan_and_infinity_are_found() {
        let bytes = |values: &[f32]| -> Vec<u8> {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        assert_eq!(not_finite(DType::F32, &bytes(&[0.0, -0.0, f32::MAX, 1e-45])), None);
        let spoilt = bytes(&[1.0, f32::NAN, 2.0, f32::NEG_INFINITY]);
        assert_eq!(not_finite(DType::F32, &spoilt), Some((2, 1)));
        assert_eq!(not_finite(DType::F64, &f64::INFINITY.to_le_bytes()), Some((1, 0)));
        assert_eq!(not_finite(DType::F64, &f64::MAX.to_le_bytes()), None);
        // Upper halves of f32 are bf16; 65504 is the largest f16.
        assert_eq!(not_finite(DType::BF16, &f32::NAN.to_le_bytes()[2..]), Some((1, 0)));
        assert_eq!(not_finite(DType::BF16, &f32::MAX.to_le_bytes()[2..]), None);
        assert_eq!(not_finite(DType::F16, &[0xFF, 0x7B]), None);
        assert_eq!(not_finite(DType::F16, &[0x00, 0xFC]), Some((1, 0)));
        assert_eq!(not_finite(DType::U8, &[0xFF; 4]), None);
    }
}
