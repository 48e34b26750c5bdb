//! Training curves as CSV: step, curve, value.

use std::{fmt::Write, path::Path};

use crate::engine::{files, work::StageError};

/// Name of the file in the result of a training.
pub const FILE: &str = "curves.csv";

/// Points of several curves in the order in which they were logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    names: &'static [&'static str],
    /// Step (from 1), value of each curve in the order of the names; NaN where a curve has no point.
    points: Vec<(u64, Vec<f64>)>,
}

impl Curves {
    /// No points yet.
    pub fn new(names: &'static [&'static str]) -> Self {
        Self { names, points: Vec::new() }
    }

    /// Adds the point of a step: one value for each curve, NaN for those that have none.
    pub fn push(&mut self, step: u64, values: &[f64]) {
        let mut row = values.to_vec();
        row.resize(self.names.len(), f64::NAN);
        self.points.push((step, row));
    }

    /// The last logged value of the first curve.
    pub fn last(&self) -> Option<f64> {
        self.points.last().and_then(|(_, values)| values.first().copied())
    }

    /// All numbers in one list, for a checkpoint.
    pub fn to_flat(&self) -> Vec<f64> {
        let row = |(step, values): &(u64, Vec<f64>)| {
            std::iter::once(*step as f64).chain(values.clone()).collect::<Vec<_>>()
        };
        self.points.iter().flat_map(row).collect()
    }

    /// The curves of such a list.
    pub fn from_flat(names: &'static [&'static str], flat: &[f64]) -> Self {
        let rows = flat.chunks_exact(names.len() + 1);
        Self { names, points: rows.map(|row| (row[0] as u64, row[1..].to_vec())).collect() }
    }

    /// The CSV.
    pub fn to_csv(&self) -> String {
        format!("step,curve,value\n{}", self.rows())
    }

    /// The CSV without its header, to stand below other curves.
    pub fn rows(&self) -> String {
        let mut text = String::new();
        for (step, values) in &self.points {
            for (name, value) in self.names.iter().zip(values).filter(|(_, v)| !v.is_nan()) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{step},{name},{value}");
            }
        }
        text
    }

    /// Writes the CSV.
    pub fn write(&self, path: &Path) -> Result<(), StageError> {
        Ok(files::write_atomic(path, self.to_csv().as_bytes())?)
    }
}

/// Reads the CSV back as (step, curve, value) rows.
pub fn read(path: &Path) -> Result<Vec<(u64, String, f64)>, csv::Error> {
    csv::Reader::from_path(path)?.deserialize().collect()
}

#[cfg(test)]
mod tests {
    use super::{Curves, read};

    const NAMES: &[&str] = &["loss", "lr"];

    #[test]
    fn a_checkpoint_keeps_every_digit() {
        let mut curves = Curves::new(NAMES);
        curves.push(1, &[4.1 / 3.0, 1e-3]);
        curves.push(2, &[0.1 + 0.2, 1e-9]);
        assert_eq!(Curves::from_flat(NAMES, &curves.to_flat()), curves);
        assert_eq!(curves.last(), Some(0.1 + 0.2));
    }

    #[test]
    fn a_curve_without_a_point_leaves_no_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::FILE);
        let mut curves = Curves::new(NAMES);
        curves.push(5, &[1.5]);
        curves.write(&path).unwrap();
        assert_eq!(read(&path).unwrap(), [(5, "loss".to_owned(), 1.5)]);
    }
}
