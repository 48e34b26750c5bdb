//! One comparison with a reference: the error reached, and the bound it must stay under.

use std::fmt::{self, Display};

use serde_json::Value;

/// A comparison.
pub(super) struct Check {
    what: String,
    measure: &'static str,
    error: f64,
    bound: f64,
}

impl Check {
    /// A comparison that must hold to the bit.
    pub(super) fn exact(what: String, agrees: bool) -> Self {
        let error = if agrees { 0.0 } else { f64::INFINITY };
        Self { what, measure: "exact", error, bound: 0.0 }
    }

    /// A measured error with its bound.
    pub(super) fn new(what: &str, measure: &'static str, error: f64, bound: f64) -> Self {
        Self { what: what.to_owned(), measure, error, bound }
    }

    /// Whether the error is within the bound. NaN is not.
    pub(super) fn holds(&self) -> bool {
        self.error <= self.bound
    }

    /// Error over bound: 1 is just within.
    pub(super) fn share(&self) -> f64 {
        if self.error == 0.0 { 0.0 } else { self.error / self.bound }
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, measure, error, bound } = self;
        write!(f, "{what} {measure} {error:.2e} of {bound:.1e}")
    }
}

/// The bounds of a case's `tolerance` that hold for one name.
pub(super) struct Tolerance<'a>(pub(super) &'a Value);

impl Tolerance<'_> {
    /// Compares values under every bound there is.
    pub(super) fn compare(&self, what: &str, found: &[f64], expected: &[f64]) -> Vec<Check> {
        if found.len() != expected.len() {
            let what = format!("{what}: {} values, not {}", found.len(), expected.len());
            return vec![Check::exact(what, false)];
        }
        let differences: Vec<f64> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
        // `max` would drop a NaN.
        let largest = differences.iter().map(|d| d.abs()).max_by(f64::total_cmp); // NaN is largest
        let largest = largest.unwrap_or(0.0);
        let relative = norm(&differences) / norm(expected).max(f64::MIN_POSITIVE);
        let measures = [
            ("rel_l2", relative),
            ("rel", relative),
            ("max_abs", largest),
            ("abs", largest),
            ("mean_abs", differences.iter().map(|d| d.abs()).sum::<f64>() / found.len() as f64),
        ];
        let mut checks: Vec<Check> = measures
            .into_iter()
            .filter_map(|(measure, error)| {
                Some(Check::new(what, measure, error, self.bound(measure)?))
            })
            .collect();
        if self.0.get("exact").is_some() {
            checks.push(Check::exact(what.to_owned(), differences.iter().all(|d| *d == 0.0)));
        }
        checks
    }

    /// Compares Σ value·probe, which sees values that were not stored. The bound follows from the
    /// bound on the values.
    pub(super) fn compare_probe(
        &self,
        what: &str,
        values: &[f64],
        probe: &[f64],
        expected: f64,
    ) -> Option<Check> {
        let dot: f64 = values.iter().zip(probe).map(|(value, probe)| value * probe).sum();
        let relative = self.bound("rel_l2").map(|bound| bound * norm(values) * norm(probe));
        let absolute =
            self.bound("max_abs").map(|bound| bound * probe.iter().map(|p| p.abs()).sum::<f64>());
        // Two orders of summation in f64 differ by a few units in the last place.
        let rounding = 8.0 * f64::EPSILON * norm(values) * norm(probe);
        let bound = relative.or(absolute)? + rounding;
        Some(Check::new(&format!("{what} probe"), "abs", (dot - expected).abs(), bound))
    }

    fn bound(&self, measure: &str) -> Option<f64> {
        self.0.get(measure)?.as_f64()
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
