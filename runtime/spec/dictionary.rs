//! The spec of a look into a trained dictionary: which entries are active in which pose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is shown of a dictionary besides its numbers (paper Fig. 7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DictionarySpec {
    /// Metric → version, so that a changed definition is a new measurement.
    pub metrics: BTreeMap<String, u32>,
    /// Entries shown of each pose.
    pub entries: usize,
    /// Example faces shown of each pose.
    pub faces: usize,
}
