//! The spec of a measurement of a trained aligner.

use serde::{Deserialize, Serialize};

/// How an aligner is measured on people it has never seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureSpec {
    /// Metric → version, so that a changed definition is a new measurement.
    pub metrics: std::collections::BTreeMap<String, u32>,
    /// Upper edges in degrees of the bins of |yaw| that probes are sorted into.
    pub yaw_bins_deg: Vec<f64>,
    /// Largest |yaw|, |pitch| and |roll| in degrees of a gallery image.
    pub gallery_deg: f64,
    /// Pairs n of one evaluation of L_PIA.
    pub pairs: usize,
}
