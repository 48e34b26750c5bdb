//! Training curves: a line per value of the first varied setting, the seeds as a band.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::axis::Axis;
use super::palette::Colour;
use super::panel::{Panel, Sample, Series};
use crate::error::{ReportError, listed};
use crate::number;
use crate::rows::{CurvePoint, Results};
use crate::sheet::{Axis as Scale, ChartSpec};
use crate::stats::same;

/// Most points of a line; longer curves show the mean of neighbouring steps, which says so.
const POINTS: u64 = 160;

/// One panel with the curve `name`.
pub(crate) fn panel(
    spec: &ChartSpec,
    name: &str,
    scale: Scale,
    results: &Results,
) -> Result<Panel, ReportError> {
    let points: Vec<&CurvePoint> = results.curves.iter().filter(|p| p.curve == name).collect();
    if points.is_empty() && !results.curves.is_empty() {
        let known: BTreeSet<&str> = results.curves.iter().map(|p| p.curve.as_str()).collect();
        return Err(ReportError::UnknownCurve {
            item: spec.id.clone(),
            name: name.to_owned(),
            known: listed(known),
        });
    }
    let last = points.iter().map(|point| point.step).max().unwrap_or(1);
    let bucket = last.div_ceil(POINTS);
    let (lead, series) = match results.varied.first() {
        Some((setting, values)) => {
            (format!("{name} by {setting}"), by_value(&points, setting, values, bucket))
        }
        None => (String::new(), vec![series(name.to_owned(), Colour::Kind(0), &points, bucket)]),
    };
    let series: Vec<Series> = series.into_iter().map(|line| positive(line, scale)).collect();
    let ends = || series.iter().flat_map(|s| s.points.iter().flatten()).filter_map(|s| s.band);
    let low = ends().map(|(low, _)| low).fold(f64::INFINITY, f64::min);
    let high = ends().map(|(_, high)| high).fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
    let (low, high) = match scale {
        Scale::Linear => (low - 0.05 * (high - low), high + 0.05 * (high - low)),
        Scale::Log2 | Scale::Log10 => {
            (low * (low / high).powf(0.05), high * (high / low).powf(0.05))
        }
    };
    Ok(Panel {
        lead,
        asides: asides(&points, bucket),
        x: Axis::round(Scale::Linear, 0.0, last as f64, 5),
        x_title: "step".to_owned(),
        y: Axis::round(scale, low, high, 5),
        series,
        rules: Vec::new(),
        labels: Vec::new(),
    })
}

fn asides(points: &[&CurvePoint], bucket: u64) -> Vec<String> {
    let seeds: BTreeSet<u64> = points.iter().map(|point| point.seed).collect();
    let mut words = Vec::new();
    if seeds.len() > 1 {
        words.push(format!("band: range of {} seeds", seeds.len()));
    }
    if bucket > 1 {
        words.push(format!("point: mean of {bucket} steps"));
    }
    words
}

fn by_value(points: &[&CurvePoint], setting: &str, values: &[Value], bucket: u64) -> Vec<Series> {
    let sized = values.iter().all(Value::is_number);
    let numbers: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
    let labels = number::binary(&numbers).filter(|_| sized);
    let of = |(place, value): (usize, &Value)| {
        let own = |point: &&&CurvePoint| {
            point.settings.get(setting).is_some_and(|other| same(other, value))
        };
        let label = match &labels {
            Some(labels) => labels[place].clone(),
            None => number::setting(value),
        };
        // A size is an order, which a ramp shows; names are kinds.
        let colour = if sized { Colour::ordered(place, values.len()) } else { Colour::Kind(place) };
        let own: Vec<&CurvePoint> = points.iter().filter(own).copied().collect();
        series(label, colour, &own, bucket)
    };
    values.iter().enumerate().map(of).collect()
}

/// Mean over seeds (and any other setting) per bucket of steps, with the range of the seeds.
fn series(label: String, colour: Colour, points: &[&CurvePoint], bucket: u64) -> Series {
    let mut sums: BTreeMap<u64, BTreeMap<u64, (f64, u32)>> = BTreeMap::new();
    for point in points.iter().filter(|point| point.value.is_finite()) {
        let place = point.step.saturating_sub(1) / bucket;
        let sum = sums.entry(place).or_default().entry(point.seed).or_insert((0.0, 0));
        *sum = (sum.0 + point.value, sum.1 + 1);
    }
    let sample = |(place, seeds): (u64, BTreeMap<u64, (f64, u32)>)| {
        let means: Vec<f64> = seeds.values().map(|(sum, count)| sum / f64::from(*count)).collect();
        let low = means.iter().copied().fold(f64::INFINITY, f64::min);
        let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let y = means.iter().sum::<f64>() / means.len() as f64;
        // The middle of the steps that the bucket holds.
        let x = (place * bucket) as f64 + (bucket + 1) as f64 / 2.0;
        Some(Sample { x, y, band: Some((low, high)) })
    };
    Series { label, colour, points: sums.into_iter().map(sample).collect(), dots: false }
}

/// On a logarithmic axis numbers that are not above 0 have no place and break the line.
fn positive(mut series: Series, scale: Scale) -> Series {
    if scale != Scale::Linear {
        for point in &mut series.points {
            *point = point.filter(|sample| sample.band.is_some_and(|(low, _)| low > 0.0));
        }
    }
    series
}
