//! What a measurement must satisfy, and how one is made when a script says nothing.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::MeasureSpec,
};

impl Spec for MeasureSpec {
    const WHAT: &'static str = "a measurement";
    const TYPE: &'static str = "Measure";
    const NATIVE: &'static str = "evaluate";
    const MANUAL: &'static [&'static str] =
        &["Never called by scripts: `evaluate` makes it of the declared metrics."];
    const CLOSURES: &'static [Role] = &[];

    /// The values are what `evaluate(fitted, dataset)` measures with: pose bins as in the
    /// retrieval metrics of the catalogue, a gallery within 15° of frontal, and one batch of 64
    /// pairs so that ln n, the largest loss, is the same at every scale.
    fn example() -> Self {
        Self {
            metrics: std::collections::BTreeMap::new(),
            yaw_bins_deg: vec![30.0, 60.0, 90.0],
            gallery_deg: 15.0,
            pairs: 64,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        let edges = &self.yaw_bins_deg;
        let rising = edges.windows(2).all(|pair| pair[0] < pair[1]);
        check::that(rising && !edges.is_empty(), "yaw_bins_deg", || {
            "`yaw_bins_deg` must hold rising upper edges".to_owned()
        })?;
        edges.iter().try_for_each(|edge| check::within("yaw_bins_deg", *edge, 0.0, 180.0))?;
        check::within("gallery_deg", self.gallery_deg, 0.0, 180.0)?;
        check::that(self.pairs >= 2, "pairs", || "`pairs` must be at least 2".to_owned())
    }
}
