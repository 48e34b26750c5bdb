//! The scores of an evaluation as CSV: metric, identity, value; and its floors and ceilings.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::{files, work::StageError};

/// Name of the scores' file in an `evaluate` result.
pub const SCORES: &str = "scores.csv";
/// Name of the anchors' file in an `evaluate` result.
pub const ANCHORS: &str = "anchors.csv";

/// One score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Name of the metric.
    pub metric: String,
    /// The person, empty for a number about the whole model.
    pub identity: Option<String>,
    /// The number.
    pub value: f64,
}

/// One floor or ceiling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnchorScore {
    /// What it is, `chance`.
    pub label: String,
    /// Name of the metric.
    pub metric: String,
    /// The number.
    pub value: f64,
}

/// Writes rows as CSV with a header, whole or not at all.
pub fn write<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), StageError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| StageError::Failed(format!("cannot write CSV: {error}"));
    for row in rows {
        writer.serialize(row).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| StageError::Failed(format!("cannot write CSV: {error}")))?;
    Ok(files::write_atomic(path, &bytes)?)
}

/// Reads such rows.
pub fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, csv::Error> {
    csv::Reader::from_path(path)?.deserialize().collect()
}
