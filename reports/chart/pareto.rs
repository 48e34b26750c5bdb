//! What each row costs against what it gives, and the front that none beats in both.

use std::collections::BTreeMap;

use serde_json::Value;

use super::axis::Axis;
use super::behind::{range, vertical};
use super::label::Label;
use super::palette::Colour;
use super::panel::{Panel, Sample, Series};
use crate::error::ReportError;
use crate::number;
use crate::rows::{Direction, Metric, Results};
use crate::sheet::{Axis as Scale, ChartSpec};
use crate::stats::{Frame, Settings};
use crate::table::{arrow, metrics, values};

/// What the axes show.
pub(crate) struct Axes<'a> {
    /// Metric of the horizontal axis.
    pub(crate) cost: &'a str,
    /// Its scale.
    pub(crate) scale: Scale,
    /// Metric of the vertical axis.
    pub(crate) gain: &'a str,
}

/// Room at either end of a range, as a share of it.
const MARGIN: f64 = 0.1;

/// A row as a point.
struct Placed {
    /// Values of all row settings but the last.
    name: String,
    /// Place of the last setting's value.
    kind: usize,
    sample: Sample,
}

/// The panel.
pub(crate) fn panel(
    spec: &ChartSpec,
    axes: &Axes,
    only: &BTreeMap<String, Value>,
    (results, frame): (&Results, &Frame),
) -> Result<Panel, ReportError> {
    let names = [axes.cost.to_owned(), axes.gain.to_owned()];
    let both = metrics(&spec.id, &names, results)?;
    let (cost, gain) = (both[0], both[1]);
    let settings: Vec<&String> = results
        .varied
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !only.contains_key(*name))
        .collect();
    let kinds = match settings.as_slice() {
        [_, .., last] => values(&spec.id, last, results)?.to_vec(),
        _ => vec![],
    };
    let points = placed(&rows(&settings, only, results), (&settings, &kinds), (cost, gain), frame);
    let front = front(&points, gain.direction);
    let series = links(&points).into_iter().chain(front).chain(dots(&points, &kinds)).collect();
    let xs = points.iter().map(|point| point.sample.x);
    let (left, right) = widened(range(xs).unwrap_or((1.0, 10.0)), axes.scale);
    let (low, high) = vertical(&points.iter().map(|point| point.sample).collect::<Vec<_>>());
    Ok(Panel {
        lead: titled(gain),
        asides: Vec::new(),
        x: Axis::round(axes.scale, left, right, 6),
        x_title: titled(cost),
        y: Axis::round(Scale::Linear, low, high, 5),
        series,
        rules: Vec::new(),
        labels: labels(&points),
    })
}

/// Cross product of the row settings, each with what all have in common.
fn rows(settings: &[&String], only: &Settings, results: &Results) -> Vec<Settings> {
    let mut rows = vec![only.clone()];
    for (name, values) in results.varied.iter().filter(|(name, _)| settings.contains(&name)) {
        let with = |row: &Settings, value: &Value| {
            let mut row = row.clone();
            row.insert(name.clone(), value.clone());
            row
        };
        rows = rows.iter().flat_map(|row| values.iter().map(|value| with(row, value))).collect();
    }
    rows
}

fn placed(
    rows: &[Settings],
    (settings, kinds): (&[&String], &[Value]),
    (cost, gain): (&Metric, &Metric),
    frame: &Frame,
) -> Vec<Placed> {
    let named = if kinds.is_empty() { settings } else { &settings[..settings.len() - 1] };
    let point = |row: &Settings| {
        let (x, estimate) = (frame.mean(&cost.name, row)?, frame.estimate(&gain.name, row)?);
        let kind = settings
            .last()
            .and_then(|last| kinds.iter().position(|kind| crate::stats::same(kind, &row[*last])));
        let name: Vec<String> = named.iter().map(|name| number::setting(&row[*name])).collect();
        let sample = Sample { x, y: estimate.mean, band: estimate.interval() };
        Some(Placed { name: name.join(", "), kind: kind.unwrap_or(0), sample })
    };
    rows.iter().filter_map(point).collect()
}

/// Thin lines between the points of one name.
fn links(points: &[Placed]) -> Vec<Series> {
    let link = |pair: &[Placed]| {
        let [a, b] = pair else { return None };
        (a.name == b.name).then(|| line(String::new(), Colour::Grid, &[a.sample, b.sample]))
    };
    points.windows(2).filter_map(link).collect()
}

/// Stairs through the points that no other beats in both.
fn front(points: &[Placed], direction: Direction) -> Option<Series> {
    let better = |a: f64, b: f64| if direction == Direction::Lower { a < b } else { a > b };
    let mut sorted: Vec<Sample> = points.iter().map(|point| point.sample).collect();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(b.y.total_cmp(&a.y)));
    let mut stairs: Vec<Sample> = Vec::new();
    for sample in sorted {
        match stairs.last() {
            Some(last) if !better(sample.y, last.y) => {}
            Some(last) => {
                let corner = Sample { x: sample.x, y: last.y, band: None };
                stairs.extend([corner, sample]);
            }
            None => stairs.push(sample),
        }
    }
    (stairs.len() > 1).then(|| line("none better and cheaper".into(), Colour::Axis, &stairs))
}

fn line(label: String, colour: Colour, samples: &[Sample]) -> Series {
    let points = samples.iter().map(|sample| Some(Sample { band: None, ..*sample })).collect();
    Series { label, colour, points, dots: false }
}

/// One series for each value of the last setting; gaps keep its points apart.
fn dots(points: &[Placed], kinds: &[Value]) -> Vec<Series> {
    let of = |kind: usize| {
        let own = points.iter().filter(move |point| point.kind == kind);
        Series {
            label: kinds.get(kind).map(number::setting).unwrap_or_default(),
            colour: Colour::Kind(kind),
            points: own.flat_map(|point| [Some(point.sample), None]).collect(),
            dots: true,
        }
    };
    (0..kinds.len().max(1)).map(of).collect()
}

/// Each name once, at the higher of its points.
fn labels(points: &[Placed]) -> Vec<Label> {
    let mut highest: Vec<&Placed> = Vec::new();
    for point in points {
        match highest.iter_mut().find(|known| known.name == point.name) {
            Some(known) if known.sample.y < point.sample.y => *known = point,
            Some(_) => {}
            None => highest.push(point),
        }
    }
    let label =
        |point: &Placed| Label { at: (point.sample.x, point.sample.y), text: point.name.clone() };
    highest.into_iter().map(label).collect()
}

/// A metric's label with unit and arrow.
fn titled(metric: &Metric) -> String {
    let unit = if metric.unit.is_empty() { String::new() } else { format!(" ({})", metric.unit) };
    format!("{}{unit} {}", metric.label, arrow(metric.direction)).trim_end().to_owned()
}

fn widened((low, high): (f64, f64), scale: Scale) -> (f64, f64) {
    if scale == Scale::Linear {
        let room = MARGIN * (high - low);
        return (low - room, high + room);
    }
    let factor = (high / low).powf(MARGIN);
    (low / factor, high * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, kind: usize, x: f64, y: f64) -> Placed {
        Placed { name: name.into(), kind, sample: Sample { x, y, band: None } }
    }

    #[test]
    fn the_front_holds_what_no_other_beats_in_both() {
        let points = [
            at("a", 0, 1.0, 0.2),
            at("b", 0, 2.0, 0.1),
            at("c", 0, 3.0, 0.5),
            at("d", 0, 3.0, 0.4),
        ];
        let front = front(&points, Direction::Higher).unwrap();
        let stairs: Vec<(f64, f64)> =
            front.points.iter().flatten().map(|sample| (sample.x, sample.y)).collect();
        assert_eq!(stairs, [(1.0, 0.2), (3.0, 0.2), (3.0, 0.5)]);
        let cheapest = super::front(&points, Direction::Lower).unwrap();
        let last = cheapest.points.iter().flatten().last().unwrap();
        assert_eq!((last.x, last.y), (2.0, 0.1));
    }

    #[test]
    fn each_name_is_written_once_and_its_points_are_joined() {
        let points = [at("a", 0, 1.0, 0.2), at("a", 1, 1.1, 0.3), at("b", 0, 2.0, 0.1)];
        let labels = labels(&points);
        assert_eq!(labels.iter().map(|label| label.text.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(labels[0].at, (1.1, 0.3));
        assert_eq!(links(&points).len(), 1);
        let kinds = [Value::from("x"), Value::from("y")];
        let series = dots(&points, &kinds);
        assert_eq!(series[0].points.iter().flatten().count(), 2);
        assert!(series[0].points[1].is_none(), "no line joins different methods");
    }
}
