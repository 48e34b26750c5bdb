//! Axes: how numbers become places, and which of them get a tick.

use crate::number;
use crate::sheet::Axis as Scale;

/// A scale with its range and ticks.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// Value and label of each tick.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis over `low..high` with round ticks, about `wanted` of them. A range without extent
    /// gets some.
    pub(crate) fn round(scale: Scale, low: f64, high: f64, wanted: usize) -> Self {
        let (low, high) = widened(scale, low, high);
        let ticks = match scale {
            Scale::Linear => linear_ticks(low, high, wanted),
            Scale::Log2 | Scale::Log10 => log_ticks(scale, low, high, wanted),
        };
        Self { scale, low, high, ticks }
    }

    /// An axis whose ticks are the given values, with a little room at either end.
    pub(crate) fn at(scale: Scale, values: &[(f64, String)]) -> Self {
        let unit = |value: f64| unit(scale, value);
        let low = values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
        let high = values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
        let margin = ((unit(high) - unit(low)) * 0.04).max(0.02);
        let (low, high) = (inverse(scale, unit(low) - margin), inverse(scale, unit(high) + margin));
        Self { scale, low, high, ticks: values.to_vec() }
    }

    /// Place of a value between 0 (low end) and 1 (high end).
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = (unit(self.scale, self.low), unit(self.scale, self.high));
        (unit(self.scale, value) - low) / (high - low)
    }

    /// Whether a value can be shown.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.place(value))
    }
}

fn unit(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log2 => value.log2(),
        Scale::Log10 => value.log10(),
    }
}

fn inverse(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log2 => value.exp2(),
        Scale::Log10 => 10_f64.powf(value),
    }
}

fn widened(scale: Scale, low: f64, high: f64) -> (f64, f64) {
    let (a, b) = (unit(scale, low), unit(scale, high));
    if b - a > 1e-9 * a.abs().max(1e-6) {
        return (low, high);
    }
    let room = match scale {
        Scale::Linear => (0.05 * a.abs()).max(1e-3),
        Scale::Log2 | Scale::Log10 => 0.1,
    };
    (inverse(scale, a - room), inverse(scale, b + room))
}

/// Multiples of 1, 2 or 5 times a power of ten, whichever comes nearest to `wanted` ticks.
fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let power = 10_f64.powf(((high - low) / wanted as f64).log10().floor());
    let ends = |step: f64| ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    let off = |step: f64| (ends(step).1 - ends(step).0 + 1).abs_diff(wanted as i64);
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().min_by_key(|s| off(*s));
    let step = step.unwrap_or(power);
    let (first, last) = ends(step);
    (first..=last).map(|i| i as f64 * step).map(|v| (v, number::tick(v, step))).collect()
}

/// 1, 2, 5 in each power of ten (or powers of two), thinned to about `wanted`.
fn log_ticks(scale: Scale, low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let inside = |value: &f64| *value >= low * 0.999_999 && *value <= high * 1.000_001;
    let label = |value: f64| (value, number::short(value));
    if scale == Scale::Log2 {
        let (first, last) = (low.log2().ceil() as i32, high.log2().floor() as i32);
        let stride = ((f64::from(last - first) / wanted as f64).ceil() as usize).max(1);
        return (first..=last).step_by(stride).map(|e| label(2_f64.powi(e))).collect();
    }
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let of = |factors: &[f64]| -> Vec<f64> {
        let powers = decades.clone().flat_map(|e| factors.iter().map(move |f| f * 10_f64.powi(e)));
        powers.filter(inside).collect()
    };
    let fine = [of(&[1.0]), of(&[1.0, 3.0]), of(&[1.0, 2.0, 5.0])]
        .into_iter()
        .find(|ticks| ticks.len() + 1 >= wanted.min(4));
    match fine {
        Some(ticks) => ticks.into_iter().map(label).collect(),
        // Less than half a power of ten: round steps read better.
        None => linear_ticks(low, high, wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let axis = Axis::round(Scale::Linear, 0.437, 0.571, 4);
        assert_eq!(labels(&axis), ["0.45", "0.50", "0.55"]);
        let axis = Axis::round(Scale::Linear, 1.0, 200.0, 5);
        assert_eq!(labels(&axis), ["50", "100", "150", "200"]);
        let axis = Axis::round(Scale::Linear, -0.3, 0.8, 4);
        assert_eq!(labels(&axis), ["\u{2212}0.2", "0.0", "0.2", "0.4", "0.6", "0.8"]);
    }

    #[test]
    fn log_ticks_are_powers_or_simple_parts_of_them() {
        let axis = Axis::round(Scale::Log10, 0.15, 7.0, 4);
        assert_eq!(labels(&axis), ["0.3", "1", "3"]);
        let axis = Axis::round(Scale::Log2, 512.0, 32768.0, 8);
        assert_eq!(labels(&axis), ["512", "1024", "2048", "4096", "8192", "16384", "32768"]);
    }

    #[test]
    fn places_run_from_zero_to_one() {
        let axis = Axis::round(Scale::Log10, 0.1, 10.0, 4);
        assert!((axis.place(1.0) - 0.5).abs() < 1e-12);
        let flat = Axis::round(Scale::Linear, 0.5, 0.5, 4);
        assert!((flat.place(0.5) - 0.5).abs() < 1e-9);
        assert!(!flat.ticks.is_empty());
    }
}
