//! The spec of a mechanism that a tuning puts between a person and its base.

use ffrun_models::baselines::Mechanism;
use serde::{Deserialize, Serialize};

/// How a base is told who is to be seen, and which of its own parameters are trained for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MechanismSpec {
    /// The mechanism, the adapters of the tuning among its own; its `trains` is empty, since it is
    /// decided below.
    pub mechanism: Mechanism,
    /// The parameters of the transformer that are trained, by the beginnings of their names. What the
    /// mechanism adds outside of it is always trained.
    pub trains: Vec<String>,
}
