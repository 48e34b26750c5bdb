//! Metrics against a varied setting: lines that share a unit and a range share a panel.

use serde_json::Value;

use super::abscissa::Abscissa;
use super::axis::Axis;
use super::palette::Colour;
use super::panel::{Panel, Sample, Series};
use crate::ReportError;
use crate::number;
use crate::rows::{Direction, Metric, Results};
use crate::sheet::{Axis as Scale, ChartSpec};
use crate::stats::{Estimate, Frame, Settings};
use crate::table::{arrow, metrics, values};

/// A line before it has a panel.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Legend text.
    pub(crate) legend: String,
    /// The same in few words, for floors and ceilings that not all lines have.
    pub(crate) label: String,
    /// Unit of its numbers.
    pub(crate) unit: String,
    /// Which way is better.
    pub(crate) direction: Direction,
    /// Points in order of x.
    pub(crate) points: Vec<Option<Sample>>,
    /// Floors and ceilings: name, number and how the number is written.
    pub(crate) anchors: Vec<(String, f64, String)>,
}

/// Colours of measured lines.
const MEASURED: [Colour; 4] = [Colour::Kind(0), Colour::Kind(1), Colour::Kind(5), Colour::Kind(4)];
/// Colours of the values of a second setting.
const KINDS: [Colour; 7] = [
    Colour::Kind(0),
    Colour::Kind(1),
    Colour::Kind(2),
    Colour::Kind(3),
    Colour::Kind(4),
    Colour::Kind(5),
    Colour::Kind(6),
];
/// Room at either end of the vertical range, as a share of it.
const MARGIN: f64 = 0.08;
/// Lines share a panel while their common range is at most this many times the largest own one.
const TOGETHER: f64 = 2.5;
/// A floor or ceiling is drawn while it widens the range by at most this share, else only named.
const NEAR: f64 = 0.5;

/// What lines are drawn over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over<'a> {
    /// Varied setting on the horizontal axis.
    pub(crate) x: &'a str,
    /// Its scale.
    pub(crate) scale: Scale,
    /// Varied setting that tells lines of one metric apart; empty for none.
    pub(crate) by: &'a str,
}

/// One line per metric over the declared values of setting `x`; with `by`, one panel per metric and
/// a line per value of that setting.
pub(crate) fn panels(
    spec: &ChartSpec,
    over: &Over,
    names: &[String],
    (results, frame): (&Results, &Frame),
) -> Result<Vec<Panel>, ReportError> {
    let values = values(&spec.id, over.x, results)?;
    let abscissa = Abscissa::new(&spec.id, over.scale, values)?;
    let chosen = metrics(&spec.id, names, results)?;
    let line = |metric: &Metric, others: &Settings| {
        let points = points(&abscissa, values, |value| {
            let mut cell = others.clone();
            cell.insert(over.x.to_owned(), value.clone());
            frame.estimate(&metric.name, &cell)
        });
        Line { points, ..Line::empty(metric, results) }
    };
    if over.by.is_empty() {
        let lines = chosen.into_iter().map(|metric| line(metric, &Settings::new())).collect();
        return Ok(grouped(lines, &abscissa.axis, &number::axis(over.x), &MEASURED));
    }
    let kinds = self::values(&spec.id, over.by, results)?;
    let split = |metric: &Metric| {
        let of = |kind: &Value| {
            let settings = Settings::from([(over.by.to_owned(), kind.clone())]);
            Line { legend: number::setting(kind), ..line(metric, &settings) }
        };
        let lead = format!("{} by {}:", legend(metric), over.by);
        Panel { lead, ..panel(kinds.iter().map(of).collect(), &abscissa.axis, over.x, &KINDS) }
    };
    Ok(chosen.into_iter().map(split).collect())
}

/// Points of one line in order of x.
fn points(
    abscissa: &Abscissa,
    values: &[Value],
    estimate: impl Fn(&Value) -> Option<Estimate>,
) -> Vec<Option<Sample>> {
    let sample = |(value, x): (&Value, &f64)| {
        let found = estimate(value);
        (*x, found.map(|found| Sample { x: *x, y: found.mean, band: found.interval() }))
    };
    let mut points: Vec<(f64, Option<Sample>)> =
        values.iter().zip(&abscissa.values).map(sample).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.into_iter().map(|(_, sample)| sample).collect()
}

impl Line {
    /// A metric's line without points.
    fn empty(metric: &Metric, results: &Results) -> Self {
        let anchors = results.anchors.iter().filter(|anchor| anchor.metric == metric.name);
        Self {
            legend: legend(metric),
            label: metric.label.clone(),
            unit: metric.unit.clone(),
            direction: metric.direction,
            points: Vec::new(),
            anchors: anchors
                .map(|a| (a.label.clone(), a.value, number::fixed(a.value, metric.digits)))
                .collect(),
        }
    }
}

/// Panels of lines that can be read on one axis. Each panel starts with the first of `colours`.
pub(crate) fn grouped(lines: Vec<Line>, x: &Axis, x_title: &str, colours: &[Colour]) -> Vec<Panel> {
    let mut groups: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let fits = groups.iter().position(|group| together(group, &line));
        match fits {
            Some(group) => groups[group].push(line),
            None => groups.push(vec![line]),
        }
    }
    groups.into_iter().map(|group| panel(group, x, x_title, colours)).collect()
}

fn together(group: &[Line], line: &Line) -> bool {
    let first = &group[0];
    if first.unit != line.unit || first.direction != line.direction {
        return false;
    }
    // By the means: intervals shrink as seeds come in, and panels should not jump about.
    let ranges: Vec<(f64, f64)> = group.iter().chain([line]).filter_map(extent).collect();
    let own = ranges.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
    hull(&ranges).is_some_and(|(low, high)| high - low <= TOGETHER * own)
}

/// Range of a line without its intervals.
fn extent(line: &Line) -> Option<(f64, f64)> {
    hull(&line.points.iter().flatten().map(|sample| (sample.y, sample.y)).collect::<Vec<_>>())
}

/// Range of a line with its intervals.
fn range(line: &Line) -> Option<(f64, f64)> {
    let samples = line.points.iter().flatten();
    let ends: Vec<(f64, f64)> = samples.map(|s| s.band.unwrap_or((s.y, s.y))).collect();
    hull(&ends)
}

fn hull(ranges: &[(f64, f64)]) -> Option<(f64, f64)> {
    ranges.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn panel(group: Vec<Line>, x: &Axis, x_title: &str, colours: &[Colour]) -> Panel {
    let ranges: Vec<(f64, f64)> = group.iter().filter_map(range).collect();
    let (mut low, mut high) = hull(&ranges).unwrap_or((0.0, 1.0));
    let (rules, asides) = anchors(&group, low, high);
    for (value, _) in &rules {
        (low, high) = (low.min(*value), high.max(*value));
    }
    let margin = MARGIN * (high - low);
    let series = |(line, colour): (Line, &Colour)| Series {
        label: line.legend,
        colour: *colour,
        points: line.points,
        dots: true,
    };
    Panel {
        lead: String::new(),
        asides,
        x: x.clone(),
        x_title: x_title.to_owned(),
        y: Axis::round(Scale::Linear, low - margin, high + margin, 4),
        series: group.into_iter().zip(colours.iter().cycle()).map(series).collect(),
        rules,
        labels: Vec::new(),
    }
}

/// Floors and ceilings near the range, to be drawn, and the names of those that are not.
fn anchors(group: &[Line], low: f64, high: f64) -> (Vec<(f64, String)>, Vec<String>) {
    // Lines of one metric share its floors and ceilings: they are drawn and named once.
    let group =
        if group.iter().all(|line| line.anchors == group[0].anchors) { &group[..1] } else { group };
    let reach = NEAR * (high - low);
    let mut rules = Vec::new();
    let mut far: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    for line in group {
        for (label, value, text) in &line.anchors {
            if *value >= low - reach && *value <= high + reach {
                rules.push((*value, named(group, label, &[(&line.label, text)])));
            } else if let Some((_, texts)) = far.iter_mut().find(|(known, _)| known == label) {
                texts.push((&line.label, text));
            } else {
                far.push((label, vec![(&line.label, text)]));
            }
        }
    }
    (rules, far.iter().map(|(label, texts)| named(group, label, texts)).collect())
}

/// `chance 0.016, 0.047` in the order of the lines; with their names where not all have one.
fn named(group: &[Line], label: &str, texts: &[(&str, &str)]) -> String {
    let text = |(line, text): &(&str, &str)| {
        if texts.len() == group.len() { (*text).to_owned() } else { format!("{text} ({line})") }
    };
    format!("{label} {}", texts.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// `FaceSim-Arc ↑`, with the unit where there is one.
fn legend(metric: &Metric) -> String {
    titled(&metric.label, &metric.unit, metric.direction)
}

/// A line's legend: name, unit, which way is better.
pub(crate) fn titled(label: &str, unit: &str, direction: Direction) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
    format!("{label}{unit} {}", arrow(direction)).trim_end().to_owned()
}
