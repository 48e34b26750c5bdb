//! The `validity` stage: an evaluator measured on people it has never seen.

use super::{Evaluator, captions_validity, pose_validity, verification};
use crate::{
    engine::{
        stage::Stage,
        work::{StageError, Work},
    },
    spec::ValiditySpec,
    stages::{
        clipset::Clips,
        device, input,
        scores::{self, AnchorScore, Score},
        spec_of,
    },
};

/// Upper edges of the bins of |yaw|, degrees.
pub(super) const BINS: [f32; 3] = [30.0, 60.0, 90.0];

/// Scores and their floors.
pub(super) type Rows = (Vec<Score>, Vec<AnchorScore>);

/// Measures and writes `scores.csv` and `anchors.csv`.
pub(in crate::stages) fn measure(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: ValiditySpec = spec_of(stage)?;
    let device = device(&stage.class)?;
    let evaluator = Evaluator::read(input(work, "evaluator")?, &device)?;
    let clips = Clips::read(input(work, "clips")?)?;
    let (mut scores, mut anchors) = match evaluator.spec.measures.as_str() {
        "pose" => pose_validity::rows(&evaluator, clips)?,
        "captions" => captions_validity::rows(&evaluator, clips)?,
        _ => verification::rows(&evaluator, clips)?,
    };
    scores.retain(|score| spec.metrics.contains_key(&score.metric));
    anchors.retain(|anchor| spec.metrics.contains_key(&anchor.metric));
    scores::write(&work.out.join(scores::SCORES), &scores)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors)
}

/// The name of a metric in a bin of |yaw|; beyond the last bin, over all of them.
pub(super) fn of_bin(metric: &str, bin: usize) -> String {
    let low = bin.checked_sub(1).map_or(0.0, |before| BINS[before]);
    BINS.get(bin).map_or(metric.to_owned(), |high| format!("{metric}_{low:.0}_{high:.0}"))
}

/// A floor of this name.
pub(super) fn anchor(label: &str, metric: &str, value: f64) -> AnchorScore {
    AnchorScore { label: label.to_owned(), metric: metric.to_owned(), value }
}
