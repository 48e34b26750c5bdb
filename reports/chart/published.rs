//! The paper's curve, in panels of its own.

use serde_json::Value;

use super::abscissa::Abscissa;
use super::lines::{Line, grouped, titled};
use super::palette::Colour;
use super::panel::{Panel, Sample};
use crate::error::{ReportError, listed};
use crate::sheet::{Axis as Scale, ChartSpec, Published};

/// Colours of published lines, none of which a measured line starts with.
const PUBLISHED: [Colour; 3] = [Colour::Kind(2), Colour::Kind(3), Colour::Kind(6)];

/// Panels of the columns asked for, without intervals: a published number has none.
pub(crate) fn panels(
    spec: &ChartSpec,
    paper: &Published,
    scale: Scale,
) -> Result<Vec<Panel>, ReportError> {
    let values: Vec<Value> = paper.cells.iter().map(|(value, _)| value.clone()).collect();
    let abscissa = Abscissa::new(&spec.id, scale, &values)?;
    let mut lines = Vec::new();
    for place in columns(spec, paper)? {
        let column = &paper.columns[place];
        let sample = |((_, cells), x): (&(Value, Vec<Option<f64>>), &f64)| {
            Some(Sample { x: *x, y: cells.get(place).copied().flatten()?, band: None })
        };
        lines.push(Line {
            legend: titled(&column.label, "", column.direction),
            label: column.label.clone(),
            unit: String::new(),
            direction: column.direction,
            points: paper.cells.iter().zip(&abscissa.values).map(sample).collect(),
            anchors: Vec::new(),
        });
    }
    Ok(grouped(lines, &abscissa.axis, &paper.rows, &PUBLISHED))
}

fn columns(spec: &ChartSpec, paper: &Published) -> Result<Vec<usize>, ReportError> {
    if spec.beside_columns.is_empty() {
        return Ok((0..paper.columns.len()).collect());
    }
    let find = |name: &String| {
        paper.columns.iter().position(|column| column.name == *name).ok_or_else(|| {
            ReportError::UnknownMetric {
                item: spec.id.clone(),
                name: name.clone(),
                known: listed(paper.columns.iter().map(|column| column.name.as_str())),
            }
        })
    };
    spec.beside_columns.iter().map(find).collect()
}
