//! What stages drew, gathered for one chart or one picture.

use std::path::PathBuf;

use ffrun_reports::{
    rows::{Drawn, Figure},
    sheet::{Drawing, GivenLine},
};
use rhai::Map;
use serde_json::Value;

use super::results::{Point, Results};
use crate::script::{complaint::Complaint, suggest::did_you_mean_or_list};

impl Results {
    /// One drawing of everything called `name` at the points that `fixed` leaves open, of the first
    /// seed of each. Panels, matrices and lines are named by what differs between them.
    pub(super) fn drawing(&self, name: &str, fixed: &Map) -> Result<Drawing, Complaint> {
        let fixed = self.part_of_a_point(fixed)?;
        let (mut scatters, mut matrices) = (Vec::new(), Vec::new());
        let (mut axis, mut lines) = (None, Vec::<GivenLine>::new());
        for drawn in self.drawn(name, &fixed)? {
            let label = self.open_settings(drawn, &fixed);
            match &drawn.figure {
                Figure::Scatter(scatter) => {
                    let mut scatter = scatter.clone();
                    scatter.label = label;
                    scatters.push(scatter);
                }
                Figure::Matrix(matrix) => {
                    let mut matrix = matrix.clone();
                    matrix.label = label;
                    matrices.push(matrix);
                }
                Figure::Lines { x, lines: own } => {
                    axis = Some(x.clone());
                    let names = own.iter().map(|line| joined(&label, &line.label));
                    let points = own.iter().map(|line| line.points.clone());
                    lines.extend(
                        names.zip(points).map(|(label, points)| GivenLine { label, points }),
                    );
                }
                Figure::Picture { .. } => {
                    let message = format!("`{name}` is a picture, not a chart");
                    return Err(Complaint::new("contract", message)
                        .hint("show it by `picture(id, results)`")
                        .at(name));
                }
            }
        }
        Ok(match axis {
            Some(x) => Drawing::Given { x, lines },
            None if !matrices.is_empty() => Drawing::Matrices(matrices),
            // Also while nothing is measured: a chart that says so.
            None => Drawing::Scatters(scatters),
        })
    }

    /// The picture called `name` of the first seed at the first point that `fixed` leaves open;
    /// `None` while it is not drawn.
    pub(super) fn picture(&self, name: &str, fixed: &Map) -> Result<Option<PathBuf>, Complaint> {
        let fixed = self.part_of_a_point(fixed)?;
        match self.drawn(name, &fixed)?.first().map(|drawn| &drawn.figure) {
            None => Ok(None),
            Some(Figure::Picture { path }) => Ok(Some(path.clone())),
            Some(_) => Err(Complaint::new("contract", format!("`{name}` is no picture"))
                .hint("draw it by `chart(id, results).drawn(…)`")
                .at(name)),
        }
    }

    /// In the order of the points, the first seed of each.
    fn drawn(&self, name: &str, fixed: &Point) -> Result<Vec<&Drawn>, Complaint> {
        let known: std::collections::BTreeSet<&str> =
            self.rows.drawn.iter().map(|drawn| drawn.name.as_str()).collect();
        if !known.is_empty() && !known.contains(name) {
            return Err(Complaint::new("setting", format!("no measurement draws `{name}`"))
                .maybe_hint(did_you_mean_or_list(name, known))
                .at(name));
        }
        let mut found: Vec<&Drawn> = Vec::new();
        for drawn in self.rows.drawn.iter().filter(|drawn| drawn.name == name) {
            let asked = fixed.iter().all(|(name, value)| drawn.settings.get(name) == Some(value));
            if asked && !found.iter().any(|known| known.settings == drawn.settings) {
                found.push(drawn);
            }
        }
        Ok(found)
    }

    /// Some of the varied settings, each with a value of its own.
    fn part_of_a_point(&self, map: &Map) -> Result<Point, Complaint> {
        map.iter().map(|(name, value)| Ok((name.to_string(), self.value(name, value)?))).collect()
    }

    /// Values of the settings that are not fixed and have several values.
    fn open_settings(&self, drawn: &Drawn, fixed: &Point) -> String {
        let open = self
            .rows
            .varied
            .iter()
            .filter(|(name, values)| values.len() > 1 && !fixed.contains_key(name));
        let shown = open.filter_map(|(name, _)| {
            let value = drawn.settings.get(name)?;
            Some(match value {
                Value::String(text) => text.clone(),
                other => format!("{name} {other}"),
            })
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

fn joined(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second.to_owned(),
        (_, true) => first.to_owned(),
        _ => format!("{first}, {second}"),
    }
}
