//! The spec of looking with public networks at renderings and at photographs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A measurement with public networks: of an evaluator against them (`agreement`), or of themselves
/// (`photographs`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementSpec {
    /// Who looks.
    pub networks: PublicSpec,
    /// Metric → version, so that a changed definition is a new measurement.
    pub metrics: BTreeMap<String, u32>,
}

/// Public networks by the names of their cards. Which files they are is told by digests in the
/// stage; where they lie is no part of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSpec {
    /// Finds faces.
    pub detector: String,
    /// Tell whose they are: A, and B where there are two.
    pub recognisers: Vec<String>,
    /// Tells how heads are turned.
    pub pose: Option<String>,
    /// How faces are looked for.
    pub options: serde_json::Value,
}
