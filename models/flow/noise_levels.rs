//! Which noise levels training visits, and how often.

use super::shift::{check_shift, shifted};
use crate::error::{ModelError, ModelResult};
use crate::stream::Stream;

/// Number of levels of [`NoiseLevels::Table`].
pub(super) const TABLE_LEVELS: usize = 1000;

/// A distribution over noise levels σ in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoiseLevels {
    /// The 1000 levels 1, 0.999, …, 0.001, shifted, each as likely: DiffSynth's.
    Table {
        /// The shift s; DiffSynth trains Wan and VACE with 5.
        shift: f64,
    },
    /// Every level in (0, 1] as likely, then shifted.
    Uniform {
        /// The shift s.
        shift: f64,
    },
    /// The logistic function of a normal variable, then shifted (Esser et al. 2024).
    LogitNormal {
        /// Mean of the normal variable.
        mean: f64,
        /// Its standard deviation.
        std: f64,
        /// The shift s.
        shift: f64,
    },
}

impl NoiseLevels {
    /// Fails unless levels can be drawn.
    pub fn check(&self) -> ModelResult<()> {
        check_shift(self.shift())?;
        match *self {
            Self::LogitNormal { mean, std, .. } if !(mean.is_finite() && std > 0.0) => {
                Err(ModelError::BadSetting {
                    setting: "logit_normal",
                    got: format!("mean {mean}, std {std}"),
                    expected: "needs a finite mean and a standard deviation above 0".into(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The shift s.
    pub fn shift(&self) -> f64 {
        match *self {
            Self::Table { shift } | Self::Uniform { shift } | Self::LogitNormal { shift, .. } => {
                shift
            }
        }
    }

    /// Draws one σ in (0, 1].
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        let level = match *self {
            Self::Table { .. } => table_level(stream.below(TABLE_LEVELS)),
            Self::Uniform { .. } => 1.0 - f64::from(stream.uniform()),
            Self::LogitNormal { mean, std, .. } => {
                1.0 / (1.0 + (-(mean + std * f64::from(stream.normal()))).exp())
            }
        };
        shifted(level, self.shift())
    }
}

/// Level `i` of the 1000 before the shift, from pure noise down: 1 − i/1000.
pub(super) fn table_level(i: usize) -> f64 {
    (TABLE_LEVELS - i.min(TABLE_LEVELS)) as f64 / TABLE_LEVELS as f64
}

#[cfg(test)]
mod tests {
    use super::{NoiseLevels, TABLE_LEVELS, shifted, table_level};
    use crate::stream::Stream;

    fn share_above(levels: NoiseLevels, bound: f64) -> f64 {
        const DRAWS: usize = 40_000;
        let mut stream = Stream::new(3, "test/noise_levels", 0);
        let above = (0..DRAWS).filter(|_| levels.draw(&mut stream) > bound).count();
        above as f64 / DRAWS as f64
    }

    #[test]
    fn shares_of_the_table_are_those_calculated() {
        // Calculated: P(σ>0.5) = 0.834, P(σ>0.8) = 0.556 at shift 5.
        let share = |bound: f64| {
            let above = (0..TABLE_LEVELS).filter(|&i| shifted(table_level(i), 5.0) > bound);
            above.count() as f64 / TABLE_LEVELS as f64
        };
        assert_eq!((share(0.5), share(0.8)), (0.834, 0.556));
        let drawn = NoiseLevels::Table { shift: 5.0 };
        assert!((share_above(drawn, 0.5) - 0.834).abs() < 0.01);
        assert!((share_above(drawn, 0.8) - 0.556).abs() < 0.01);
    }

    #[test]
    fn continuous_levels_have_their_distributions() {
        // Shifted uniform: P(σ>b) = 1 − b/(s − (s−1)b); the logit-normal's median is its mean.
        assert!((share_above(NoiseLevels::Uniform { shift: 5.0 }, 0.5) - 5.0 / 6.0).abs() < 0.01);
        let normal = |mean, shift| NoiseLevels::LogitNormal { mean, std: 1.0, shift };
        assert!((share_above(normal(0.0, 1.0), 0.5) - 0.5).abs() < 0.01);
        // One standard deviation above the mean: Φ(−1) = 0.1587.
        let bound = 1.0 / (1.0 + (-1.0f64).exp());
        assert!((share_above(normal(0.0, 1.0), bound) - 0.1587).abs() < 0.01);
        assert!((share_above(normal(0.0, 5.0), 5.0 / 6.0) - 0.5).abs() < 0.01);
    }

    #[test]
    fn levels_that_cannot_be_drawn_are_refused() {
        assert!(NoiseLevels::Uniform { shift: 0.0 }.check().is_err());
        let error = NoiseLevels::LogitNormal { mean: 0.0, std: 0.0, shift: 1.0 }.check();
        assert!(error.unwrap_err().to_string().contains("standard deviation above 0"));
        assert!(NoiseLevels::Table { shift: 5.0 }.check().is_ok());
    }
}
