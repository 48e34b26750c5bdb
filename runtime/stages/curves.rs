//! Training curves as CSV: step, curve, value.

use std::{fmt::Write, path::Path};

use crate::engine::{files, work::StageError};

/// Name of the file in a `train` result.
pub const FILE: &str = "curves.csv";

/// Points of several curves in the order in which they were logged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Step (from 1), value of each curve in the order of `NAMES`.
    points: Vec<(u64, [f64; NAMES.len()])>,
}

/// What is logged: L_PIA (Eq. 5), the script's extra term (0 without one), learning rate, gradient
/// norm before clipping, and the learnt logit scale ln(1/τ).
pub const NAMES: [&str; 5] = ["loss", "extra_loss", "lr", "gradient_norm", "logit_scale"];

impl Curves {
    /// Adds the point of a step.
    pub fn push(&mut self, step: u64, values: [f64; NAMES.len()]) {
        self.points.push((step, values));
    }

    /// The last logged loss.
    pub fn last_loss(&self) -> Option<f64> {
        self.points.last().map(|(_, values)| values[0])
    }

    /// All numbers in one list, for a checkpoint.
    pub fn to_flat(&self) -> Vec<f64> {
        self.points
            .iter()
            .flat_map(|(step, values)| std::iter::once(*step as f64).chain(*values))
            .collect()
    }

    /// The curves of such a list.
    pub fn from_flat(flat: &[f64]) -> Self {
        let points = flat
            .chunks_exact(NAMES.len() + 1)
            .map(|row| {
                let mut values = [0.0; NAMES.len()];
                values.copy_from_slice(&row[1..]);
                (row[0] as u64, values)
            })
            .collect();
        Self { points }
    }

    /// Writes the CSV.
    pub fn write(&self, path: &Path) -> Result<(), StageError> {
        let mut text = String::from("step,curve,value\n");
        for (step, values) in &self.points {
            for (name, value) in NAMES.iter().zip(values) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{step},{name},{value}");
            }
        }
        Ok(files::write_atomic(path, text.as_bytes())?)
    }
}

/// Reads the CSV back as (step, curve, value) rows.
pub fn read(path: &Path) -> Result<Vec<(u64, String, f64)>, csv::Error> {
    csv::Reader::from_path(path)?.deserialize().collect()
}

#[cfg(test)]
mod tests {
    use super::Curves;

    #[test]
    fn a_checkpoint_keeps_every_digit() {
        let mut curves = Curves::default();
        curves.push(1, [4.1 / 3.0, 0.0, 1e-3, 0.7, 2.659_260_034_561_157]);
        curves.push(2, [0.1 + 0.2, 1.0, 1e-4, 1e-9, 4.0]);
        assert_eq!(Curves::from_flat(&curves.to_flat()), curves);
    }
}
