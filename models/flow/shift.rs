//! The shift that moves noise levels towards noise.

use crate::error::{ModelError, ModelResult};

/// s·σ/(1 + (s−1)·σ): keeps 0 and 1, and for s > 1 raises everything between (Esser et al. 2024,
/// §5.3.2).
pub fn shifted(sigma: f64, shift: f64) -> f64 {
    shift * sigma / (1.0 + (shift - 1.0) * sigma)
}

/// Fails unless a shift can be used.
pub(super) fn check_shift(shift: f64) -> ModelResult<()> {
    if shift > 0.0 && shift.is_finite() {
        return Ok(());
    }
    Err(ModelError::BadSetting {
        setting: "shift",
        got: shift.to_string(),
        expected: "must be a finite number above 0; 1 shifts nothing".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::{check_shift, shifted};

    #[test]
    fn the_ends_stay_and_the_middle_rises() {
        for shift in [1.0, 3.0, 16.0] {
            assert_eq!(shifted(0.0, shift), 0.0);
            assert_eq!(shifted(1.0, shift), 1.0);
        }
        assert_eq!(shifted(0.3, 1.0), 0.3);
        assert!((shifted(0.5, 5.0) - 5.0 / 6.0).abs() < 1e-15);
    }

    #[test]
    fn a_shift_is_a_positive_number() {
        assert!(check_shift(0.5).is_ok());
        for shift in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = check_shift(shift).unwrap_err().to_string();
            assert!(error.contains("must be a finite number above 0"), "{error}");
        }
    }
}
