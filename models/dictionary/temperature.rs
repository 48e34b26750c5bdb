//! The temperature schedule of the dictionary weights.

/// The temperature that divides the correlations: start·decayᵗ, not below a floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    /// At step 0.
    pub start: f64,
    /// Factor per step; 1 = constant.
    pub decay: f64,
    /// Lowest value.
    pub floor: f64,
}

impl Temperature {
    /// The temperature of `step`.
    pub fn at(&self, step: u64) -> f64 {
        (self.start * self.decay.powf(step as f64)).max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::Temperature;

    #[test]
    fn temperature_falls_to_its_floor() {
        let temperature = Temperature { start: 1.0, decay: 0.5, floor: 0.2 };
        for (step, expected) in [(0, 1.0), (1, 0.5), (2, 0.25), (3, 0.2), (99, 0.2)] {
            assert!((temperature.at(step) - expected).abs() < 1e-12);
        }
    }
}
