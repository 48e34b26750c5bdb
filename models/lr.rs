//! The learning rate as a pure function of the step.

use std::f64::consts::PI;

/// The shape of the learning rate after warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LrShape {
    /// Stays at the peak.
    Constant,
    /// Half a cosine from the peak to 0.
    Cosine,
}

impl LrShape {
    /// The factor on the peak at `progress` in [0, 1] through the steps after warm-up.
    pub fn factor(self, progress: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (PI * progress.clamp(0.0, 1.0)).cos()),
        }
    }
}

/// A learning rate: linear warm-up to a peak, then a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrSchedule {
    /// The highest learning rate.
    pub peak: f64,
    /// Steps of linear warm-up; the first step already moves, at peak/warmup.
    pub warmup: u64,
    /// Steps of the whole training, warm-up included.
    pub steps: u64,
}

impl LrSchedule {
    /// The learning rate of `step` (from 0) under a built-in shape.
    pub fn at(&self, step: u64, shape: LrShape) -> f64 {
        self.scaled(step, shape.factor(self.progress(step)))
    }

    /// How far `step` is through the steps after warm-up, in [0, 1].
    pub fn progress(&self, step: u64) -> f64 {
        let after = self.steps.saturating_sub(self.warmup).max(1);
        (step.saturating_sub(self.warmup) as f64 / after as f64).min(1.0)
    }

    /// The learning rate of `step` for a shape's `factor` there, for shapes that are not built in.
    pub fn scaled(&self, step: u64, factor: f64) -> f64 {
        let warm = if step < self.warmup { (step + 1) as f64 / self.warmup as f64 } else { 1.0 };
        self.peak * warm * factor
    }
}

#[cfg(test)]
mod tests {
    use super::{LrSchedule, LrShape};

    #[test]
    fn warms_up_linearly_then_follows_the_shape() {
        let schedule = LrSchedule { peak: 0.8, warmup: 4, steps: 12 };
        let constant: Vec<_> = (0..6).map(|step| schedule.at(step, LrShape::Constant)).collect();
        assert_eq!(constant, [0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 0.8, 0.8]);
        assert!((schedule.at(8, LrShape::Cosine) - 0.4).abs() < 1e-12);
        assert!(schedule.at(12, LrShape::Cosine).abs() < 1e-12);
        assert!(schedule.at(99, LrShape::Cosine).abs() < 1e-12);
    }

    #[test]
    fn no_warm_up_starts_at_the_peak() {
        let schedule = LrSchedule { peak: 0.5, warmup: 0, steps: 0 };
        assert!((schedule.at(0, LrShape::Cosine) - 0.5).abs() < 1e-12);
    }
}
