//! The `judge` stage: generated clips measured against the clips that were asked for.

mod captioned;
mod distribution;
mod fidelity;
pub mod frames;
mod identity;
mod movement;
mod people;
mod script_distance;
mod tally;

use candle_core::Device;
use tally::Tally;

use self::people::People;
use super::{
    clipset::{ClipLabel, Clips},
    evaluators::Evaluators,
    input, scores, spec_of,
};
use crate::{
    engine::{
        stage::Stage,
        work::{StageError, Work},
    },
    spec::MeasureSpec,
};

/// What every measurement reads.
struct Footage<'a> {
    /// References, captions and what was filmed.
    asked: &'a Clips,
    /// What was generated.
    made: &'a Clips,
    people: &'a People,
    rulers: &'a Evaluators,
}

/// Measures and writes `scores.csv`, `anchors.csv` and `frames.csv`.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: MeasureSpec = spec_of(stage)?;
    Evaluators::check(stage)?;
    let asked = Clips::read(input(work, "asked")?)?;
    let made = Clips::read(input(work, "videos")?)?;
    if !same_clips(&made, &asked) {
        return Err(StageError::Failed(
            "the generated clips are not those that were asked for; `ffrun fsck --repair` moves \
             damaged results aside"
                .to_owned(),
        ));
    }
    let (people, rulers) = (People::of(&asked), Evaluators::shipped(&Device::Cpu)?);
    let footage = Footage { asked: &asked, made: &made, people: &people, rulers: &rulers };
    let mut tally = Tally::new(spec.metrics.keys());
    fidelity::measure(&footage, &mut tally);
    let [sampled, filmed] = movement::measure(&footage, &mut tally)?;
    let similarities = identity::measure(&footage, [&sampled, &filmed], &mut tally)?;
    captioned::measure(&footage, &mut tally)?;
    distribution::measure(&footage, &mut tally)?;
    script_distance::measure(&footage, [&sampled, &filmed], &mut tally)?;
    frames::write(&work.out, &asked, &sampled, &similarities)?;
    scores::write(&work.out.join(scores::SCORES), &tally.scores)?;
    scores::write(&work.out.join(scores::ANCHORS), &tally.anchors)
}

/// Whether two sets are of the same clips; their references may differ.
fn same_clips(made: &Clips, asked: &Clips) -> bool {
    let filmed = |label: &ClipLabel| {
        (label.identity.clone(), label.family.clone(), label.take, label.pose_deg.clone())
    };
    let labels = || made.labels.iter().zip(&asked.labels);
    made.len() == asked.len()
        && made.pixels.len() == asked.pixels.len()
        && labels().all(|(made, asked)| filmed(made) == filmed(asked))
}
