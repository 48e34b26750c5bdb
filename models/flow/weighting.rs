//! How much a noise level counts in the loss.

use super::noise_levels::{TABLE_LEVELS, table_level};
use super::shift::shifted;

/// The weight w(σ) of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighting {
    /// Every level counts 1: Concat-ID's choice.
    None,
    /// DiffSynth's bell around σ = 0.5, of mean 1 over the shifted table of 1000 levels.
    Bell {
        /// Least height over the table, which is subtracted.
        least: f64,
        /// What makes the mean 1.
        factor: f64,
    },
}

impl Weighting {
    /// The bell for a table of levels with this shift.
    pub fn bell(shift: f64) -> Self {
        let heights: Vec<f64> =
            (0..TABLE_LEVELS).map(|i| height(shifted(table_level(i), shift))).collect();
        let least = heights.iter().copied().fold(f64::INFINITY, f64::min);
        let sum: f64 = heights.iter().map(|height| height - least).sum();
        Self::Bell { least, factor: TABLE_LEVELS as f64 / sum }
    }

    /// w(σ).
    pub fn weight(&self, sigma: f64) -> f64 {
        match *self {
            Self::None => 1.0,
            // Levels below the table's least one would come out negative.
            Self::Bell { least, factor } => ((height(sigma) - least) * factor).max(0.0),
        }
    }
}

/// exp(−2·((1000σ − 500)/1000)²), DiffSynth's `FlowMatchScheduler`.
fn height(sigma: f64) -> f64 {
    (-2.0 * (sigma - 0.5).powi(2)).exp()
}

#[cfg(test)]
mod tests {
    use super::{TABLE_LEVELS, Weighting, shifted, table_level};

    #[test]
    fn the_bell_has_the_heights_calculated() {
        // Calculated from DiffSynth's formula at shift 5, at the level of the table nearest to σ.
        let bell = Weighting::bell(5.0);
        for (sigma, expected) in [(0.999, 0.006), (0.9, 0.63), (0.5, 2.08), (0.05, 0.31)] {
            let levels = (0..TABLE_LEVELS).map(|i| shifted(table_level(i), 5.0));
            let nearest = levels.min_by(|a, b| (a - sigma).abs().total_cmp(&(b - sigma).abs()));
            let found = bell.weight(nearest.unwrap());
            assert!((found - expected).abs() < 0.0051, "{sigma}: {found}");
        }
    }

    #[test]
    fn the_mean_over_the_table_is_one_and_no_weight_is_negative() {
        for shift in [1.0, 5.0, 16.0] {
            let bell = Weighting::bell(shift);
            let weights: Vec<f64> =
                (0..TABLE_LEVELS).map(|i| bell.weight(shifted(table_level(i), shift))).collect();
            assert!((weights.iter().sum::<f64>() / 1000.0 - 1.0).abs() < 1e-9);
            assert!([1.0, 0.5, 1e-6].iter().all(|&sigma| bell.weight(sigma) >= 0.0));
        }
    }
}
