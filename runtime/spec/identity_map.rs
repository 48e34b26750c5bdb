//! The spec of a map of identities: faces of unseen people in an encoding, and in a plane.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How the faces of unseen people are encoded and laid out (paper Fig. 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityMapSpec {
    /// Metric → version, so that a changed definition is a new measurement.
    pub metrics: BTreeMap<String, u32>,
    /// People in the plane.
    pub people: usize,
    /// Faces of each of them in the plane.
    pub views: usize,
    /// Effective number of neighbours of t-SNE.
    pub perplexity: f64,
    /// Steps of t-SNE.
    pub steps: usize,
    /// Seed of who is shown, in which poses, and from where t-SNE starts.
    pub draw: u64,
}
