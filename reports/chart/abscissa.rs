//! The horizontal axis of a chart over a setting: numbers at their value, words side by side.

use serde_json::Value;

use super::axis::Axis;
use crate::ReportError;
use crate::number;
use crate::sheet::Axis as Scale;

/// Where each value of a setting stands.
#[derive(Clone, Debug)]
pub(crate) struct Abscissa {
    /// Place of each value, in the order given.
    pub(crate) values: Vec<f64>,
    /// The axis with a tick at each value.
    pub(crate) axis: Axis,
}

impl Abscissa {
    /// Places the values of a setting. Anything but numbers stands at 0, 1, 2, …
    pub(crate) fn new(chart: &str, scale: Scale, values: &[Value]) -> Result<Self, ReportError> {
        let numbers: Option<Vec<f64>> = values.iter().map(Value::as_f64).collect();
        let Some(numbers) = numbers else {
            let places: Vec<f64> = (0..values.len()).map(|place| place as f64).collect();
            let labels = values.iter().map(number::setting);
            let ticks: Vec<(f64, String)> = places.iter().copied().zip(labels).collect();
            return Ok(Self { values: places, axis: Axis::at(Scale::Linear, &ticks) });
        };
        if scale != Scale::Linear && numbers.iter().any(|value| *value <= 0.0) {
            return Err(ReportError::Draw {
                chart: chart.to_owned(),
                reason: "a logarithmic axis takes numbers above 0; use `linear`".to_owned(),
            });
        }
        let plain = || values.iter().map(number::setting).collect();
        let labels: Vec<String> = number::binary(&numbers).unwrap_or_else(plain);
        let mut ticks: Vec<(f64, String)> = numbers.iter().copied().zip(labels).collect();
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self { values: numbers, axis: Axis::at(scale, &ticks) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_stand_side_by_side() {
        let axis = Abscissa::new("c", Scale::Log2, &[json!("sum"), json!("max")]).unwrap();
        assert_eq!(axis.values, [0.0, 1.0]);
    }

    #[test]
    fn zero_has_no_place_on_a_logarithmic_axis() {
        let error = Abscissa::new("figure8", Scale::Log2, &[json!(0), json!(1)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot draw chart `figure8`: a logarithmic axis takes numbers above 0; use `linear`"
        );
    }
}
