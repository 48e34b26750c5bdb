//! The block of measured numbers: estimates, places, significance marks, floors and ceilings.

use rayon::prelude::*;
use serde_json::Value;

use super::grid::{ABSENT, Block, Cell, Column, Row, UNFINISHED, arrow};
use crate::error::{ReportError, listed};
use crate::number;
use crate::rows::{Metric, Provenance, Results};
use crate::sheet::TableSpec;
use crate::stats::{Difference, Frame, Settings, holm};

/// The block under the heading `measured`.
pub(super) fn block(
    spec: &TableSpec,
    results: &Results,
    frame: &Frame,
) -> Result<Block, ReportError> {
    let metrics = metrics(&spec.id, &spec.columns, results)?;
    let settings = rows(spec, results)?;
    let per_column: Vec<Vec<Cell>> =
        metrics.par_iter().map(|metric| column(spec, metric, &settings, frame)).collect();
    // Floors and ceilings need a column for their labels, even where nothing is varied.
    let (row_names, only) = if spec.rows.is_empty() {
        (vec![String::new()], Some("measured".to_owned()))
    } else {
        (spec.rows.clone(), None)
    };
    let labels = |settings: &Settings| -> Vec<String> {
        let own = spec.rows.iter().map(|name| number::setting(&settings[name]));
        own.chain(only.clone()).collect()
    };
    let mut measured: Vec<Row> = settings
        .iter()
        .enumerate()
        .map(|(place, settings)| Row {
            labels: labels(settings),
            anchor: false,
            cells: per_column.iter().map(|cells| cells[place].clone()).collect(),
        })
        .collect();
    let says_nothing = |row: &Row| row.cells.iter().all(|cell| cell.text == ABSENT);
    if !measured.iter().all(says_nothing) {
        measured.retain(|row| !says_nothing(row));
    }
    mark(&mut measured);
    measured.extend(anchors(&metrics, results));
    let mut block = Block {
        provenance: Provenance::Measured,
        origin: spec.origin.clone().unwrap_or_else(|| origin(results)),
        row_names,
        columns: metrics.into_iter().map(header).collect(),
        rows: measured,
    };
    block.rank();
    Ok(block)
}

/// What qualifies a measured number, `scale tiny, in-world heads`.
pub(crate) fn origin(results: &Results) -> String {
    let scale = &results.scale;
    if !results.origin.is_empty() {
        return results.origin.clone();
    }
    // Only the paper's scale runs on a user's own clips; every other one renders heads.
    if scale == "paper" {
        format!("scale {scale}")
    } else {
        format!("scale {scale}, in-world heads")
    }
}

/// The metrics named, or all declared when none is named.
pub(crate) fn metrics<'a>(
    item: &str,
    names: &[String],
    results: &'a Results,
) -> Result<Vec<&'a Metric>, ReportError> {
    if names.is_empty() {
        return Ok(results.metrics.iter().collect());
    }
    let find = |name: &String| {
        results.metrics.iter().find(|metric| metric.name == *name).ok_or_else(|| {
            ReportError::UnknownMetric {
                item: item.to_owned(),
                name: name.clone(),
                known: listed(results.metrics.iter().map(|metric| metric.name.as_str())),
            }
        })
    };
    names.iter().map(find).collect()
}

/// Declared values of a varied setting.
pub(crate) fn values<'a>(
    item: &str,
    name: &str,
    results: &'a Results,
) -> Result<&'a [Value], ReportError> {
    let found = results.varied.iter().find(|(varied, _)| varied == name);
    found.map(|(_, values)| values.as_slice()).ok_or_else(|| ReportError::UnknownSetting {
        item: item.to_owned(),
        name: name.to_owned(),
        known: listed(results.varied.iter().map(|(name, _)| name.as_str())),
    })
}

/// Cross product of the row settings' declared values.
fn rows(spec: &TableSpec, results: &Results) -> Result<Vec<Settings>, ReportError> {
    for name in spec.only.keys() {
        values(&spec.id, name, results)?;
    }
    let mut rows = vec![spec.only.clone()];
    for name in &spec.rows {
        let values = values(&spec.id, name, results)?;
        let extend = |row: &Settings| -> Vec<Settings> {
            let with = |value: &Value| {
                let mut row = row.clone();
                row.insert(name.clone(), value.clone());
                row
            };
            values.iter().map(with).collect()
        };
        rows = rows.iter().flat_map(extend).collect();
    }
    if let Some((name, _)) = &spec.against {
        values(&spec.id, name, results)?;
    }
    Ok(rows)
}

fn column(spec: &TableSpec, metric: &Metric, rows: &[Settings], frame: &Frame) -> Vec<Cell> {
    let best = frame.best_of(&metric.name, rows).map(|place| &rows[place]);
    let cell = |row: &Settings| {
        let reference = match &spec.against {
            Some((name, value)) => {
                let mut reference = row.clone();
                reference.insert(name.clone(), value.clone());
                Some(reference)
            }
            None => best.cloned(),
        };
        let test = reference
            .filter(|reference| !equal(reference, row))
            .and_then(|reference| frame.difference(&metric.name, row, &reference))
            .map(|difference| (difference, f64::NAN));
        Cell { test, ..estimated(metric, row, frame) }
    };
    rows.iter().map(cell).collect()
}

fn equal(a: &Settings, b: &Settings) -> bool {
    a.iter().all(|(name, value)| b.get(name).is_some_and(|other| crate::stats::same(value, other)))
}

/// Relative width of an interval that is none.
const ROUNDING: f64 = 1e-12;

fn estimated(metric: &Metric, row: &Settings, frame: &Frame) -> Cell {
    let Some(estimate) = frame.estimate(&metric.name, row) else {
        // There is nothing to wait for where no trials were planned or all have been measured: the
        // metric says nothing of this row.
        let finished = frame.seeds_measured(row) >= frame.seeds_planned();
        let text = if finished { ABSENT } else { UNFINISHED };
        return Cell { text: text.to_owned(), ..Cell::default() };
    };
    let spread = match estimate.interval() {
        // What does not vary, such as a number of parameters, needs no interval; means of it may
        // differ in their last digits.
        Some((low, high)) if high - low <= ROUNDING * estimate.mean.abs() => None,
        Some((low, high)) => Some(number::fixed((high - low) / 2.0, metric.digits)),
        None => Some(ABSENT.to_owned()),
    };
    Cell {
        text: number::fixed(estimate.mean, metric.digits),
        spread,
        partial: estimate.seeds < frame.seeds_planned(),
        value: Some(estimate.mean),
        estimate: Some(estimate),
        ..Cell::default()
    }
}

/// Significance marks, corrected over all comparisons of the table.
fn mark(rows: &mut [Row]) {
    let mut tests: Vec<&mut Cell> =
        rows.iter_mut().flat_map(|row| &mut row.cells).filter(|cell| cell.test.is_some()).collect();
    let p = |cell: &&mut Cell| cell.test.map_or(f64::NAN, |(difference, _)| difference.p);
    let adjusted = holm(&tests.iter().map(p).collect::<Vec<_>>());
    for (cell, p) in tests.iter_mut().zip(adjusted) {
        cell.marks = stars(p);
        cell.test = cell.test.map(|(difference, _): (Difference, f64)| (difference, p));
    }
}

/// Marks of a p-value after correction; `NaN` earns none.
fn stars(p: f64) -> &'static str {
    match p {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => "",
    }
}

fn anchors(metrics: &[&Metric], results: &Results) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for anchor in &results.anchors {
        let Some(place) = metrics.iter().position(|metric| metric.name == anchor.metric) else {
            continue;
        };
        let known = rows.iter().position(|row| row.labels[0] == anchor.label);
        let row = known.unwrap_or_else(|| {
            rows.push(Row {
                labels: vec![anchor.label.clone()],
                anchor: true,
                cells: vec![Cell::plain(None, 0); metrics.len()],
            });
            rows.len() - 1
        });
        rows[row].cells[place] = Cell::plain(Some(anchor.value), metrics[place].digits);
    }
    rows
}

fn header(metric: &Metric) -> Column {
    let label = if metric.unit.is_empty() {
        metric.label.clone()
    } else {
        format!("{} ({})", metric.label, metric.unit)
    };
    Column {
        name: metric.name.clone(),
        label,
        arrow: arrow(metric.direction),
        definition: metric.definition.clone(),
        direction: metric.direction,
        digits: metric.digits,
    }
}
