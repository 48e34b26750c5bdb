//! A metric over a varied setting in small panels, the other panels' lines in grey behind each.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::Value;

use super::axis::Axis;
use super::palette::Colour;
use super::panel::{Panel, Sample, Series};
use crate::error::ReportError;
use crate::number;
use crate::rows::Results;
use crate::sheet::{Axis as Scale, ChartSpec};
use crate::stats::{Frame, Settings};
use crate::table::{metrics, values};

/// Room at either end of the vertical range, as a share of it.
const MARGIN: f64 = 0.08;
/// Intervals are shown as far as so many ranges of the means beyond them: few people make them so wide
/// that nothing else would be seen.
const REACH: f64 = 1.0;

/// One panel for each value of the first setting that is neither `x` nor in `only`, a line for each
/// of the second.
pub(crate) fn panels(
    spec: &ChartSpec,
    (x, metric): (&str, &str),
    only: &BTreeMap<String, Value>,
    (results, frame): (&Results, &Frame),
) -> Result<Vec<Panel>, ReportError> {
    let declared = metrics(&spec.id, &[metric.to_owned()], results)?[0];
    let places = values(&spec.id, x, results)?;
    let names = results.varied.iter().map(|(name, _)| name);
    let free: Vec<&String> = names.filter(|name| *name != x && !only.contains_key(*name)).collect();
    let of = |place: usize| -> Result<Vec<(String, Value)>, ReportError> {
        let Some(name) = free.get(place) else { return Ok(vec![]) };
        let all = values(&spec.id, name, results)?.iter();
        Ok(all.map(|value| ((*name).clone(), value.clone())).collect())
    };
    let (methods, kinds) = (of(0)?, of(1)?);
    let curve = |chosen: &[&(String, Value)]| {
        let mut row = only.clone();
        row.extend(chosen.iter().map(|pair| (*pair).clone()));
        samples(metric, (x, places), &row, frame)
    };
    let lines = |method: &(String, Value)| -> Vec<Vec<Option<Sample>>> {
        if kinds.is_empty() {
            return vec![curve(&[method])];
        }
        kinds.iter().map(|kind| curve(&[method, kind])).collect()
    };
    let grouped: Vec<(String, Vec<Vec<Option<Sample>>>)> =
        methods.par_iter().map(|method| (number::setting(&method.1), lines(method))).collect();
    let all = grouped.iter().flat_map(|(_, lines)| lines.iter().flatten().flatten());
    let (low, high) = vertical(&all.copied().collect::<Vec<_>>());
    let (left, right) = range(places.iter().filter_map(Value::as_f64)).unwrap_or((0.0, 1.0));
    let panel = |place: usize| Panel {
        lead: grouped[place].0.clone(),
        asides: Vec::new(),
        x: Axis::round(Scale::Linear, left, right, 4),
        x_title: format!("{} by {}", declared.label, number::axis(x)),
        y: Axis::round(Scale::Linear, low, high, 4),
        series: series(&grouped, place, &kinds),
        rules: Vec::new(),
        labels: Vec::new(),
    };
    Ok((0..grouped.len()).map(panel).collect())
}

/// The first line of all others without their bands, then the lines of one.
fn series(
    grouped: &[(String, Vec<Vec<Option<Sample>>>)],
    place: usize,
    kinds: &[(String, Value)],
) -> Vec<Series> {
    let bare = |sample: Sample| Sample { band: None, ..sample };
    let others = grouped.iter().enumerate().filter(|(at, _)| *at != place);
    let behind = others.filter_map(|(_, (_, lines))| lines.first()).map(|line| Series {
        label: String::new(),
        colour: Colour::Axis,
        points: line.iter().map(|sample| sample.map(bare)).collect(),
        dots: false,
    });
    let own = grouped[place].1.iter().enumerate().map(|(kind, line)| Series {
        label: kinds.get(kind).map(|(_, value)| number::setting(value)).unwrap_or_default(),
        colour: Colour::Kind(kind),
        points: line.clone(),
        dots: true,
    });
    behind.chain(own).collect()
}

/// A line's points at every numeric value of the setting on the horizontal axis.
fn samples(
    metric: &str,
    (x, places): (&str, &[Value]),
    row: &Settings,
    frame: &Frame,
) -> Vec<Option<Sample>> {
    let at = |place: &Value| {
        let mut row = row.clone();
        row.insert(x.to_owned(), place.clone());
        let estimate = frame.estimate(metric, &row)?;
        Some(Sample { x: place.as_f64()?, y: estimate.mean, band: estimate.interval() })
    };
    places.iter().map(at).collect()
}

/// The vertical range of means with their intervals.
pub(super) fn vertical(samples: &[Sample]) -> (f64, f64) {
    let (least, most) = range(samples.iter().map(|sample| sample.y)).unwrap_or((0.0, 1.0));
    let reach = REACH * (most - least).max(0.05);
    let ends = samples.iter().flat_map(|sample| {
        let (low, high) = sample.band.unwrap_or((sample.y, sample.y));
        [low, high]
    });
    let (low, high) = range(ends).unwrap_or((least, most));
    let (low, high) = (low.max(least - reach), high.min(most + reach));
    let margin = MARGIN * (high - low);
    (low - margin, high + margin)
}

pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let ends = values.filter(|value| value.is_finite()).map(|value| (value, value));
    ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rows::Observation;
    use crate::sample;
    use crate::sheet::Item;

    #[test]
    fn every_method_has_its_panel_and_the_others_behind_it() {
        let mut results = sample::results(18);
        results.varied.insert(0, ("method".into(), vec![json!("ours"), json!("theirs")]));
        let theirs = |row: &Observation| {
            let mut row = row.clone();
            row.settings.insert("method".into(), json!("theirs"));
            row
        };
        let more: Vec<Observation> = results.observations.iter().map(theirs).collect();
        for row in &mut results.observations {
            row.settings.insert("method".into(), json!("ours"));
        }
        results.observations.extend(more);
        let metric = results.metrics[0].name.clone();
        let Item::Chart(spec) = &sample::items()[1] else { panic!("no chart") };
        let frame = Frame::new(&results);
        let of = |x: &str, only: &Settings| {
            panels(spec, (x, &metric), only, (&results, &frame)).unwrap()
        };
        let found = of("elements", &Settings::new());
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].lead.as_str(), found[1].series.len()), ("theirs", 2));
        assert_eq!(found[1].series[1].points.iter().flatten().count(), 6);
        assert!(found[1].series[0].points[0].unwrap().band.is_none(), "grey lines have no bands");
        let ours = Settings::from([("method".to_owned(), json!("ours"))]);
        assert!(of("elements", &ours).is_empty(), "nothing is left to make panels of");
    }
}
