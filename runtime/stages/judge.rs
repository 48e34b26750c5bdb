//! The `judge` stage: generated clips measured against the clips that were asked for.

use super::{
    clipset::Clips,
    input,
    scores::{self, AnchorScore, Score},
    spec_of,
};
use crate::{
    engine::{
        stage::Stage,
        work::{StageError, Work},
    },
    metrics::fidelity::psnr_db,
    spec::MeasureSpec,
};

/// Measures and writes `scores.csv` and `anchors.csv`.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: MeasureSpec = spec_of(stage)?;
    let asked = Clips::read(input(work, "asked")?)?;
    let made = Clips::read(input(work, "videos")?)?;
    if made.labels != asked.labels || made.pixels.len() != asked.pixels.len() {
        return Err(StageError::Failed(
            "the generated clips are not those that were asked for; `ffrun fsck --repair` moves \
             damaged results aside"
                .to_owned(),
        ));
    }
    let (mut scores, mut anchors) = (Vec::new(), Vec::new());
    fidelity(&asked, &made, (&mut scores, &mut anchors));
    scores.retain(|score| spec.metrics.contains_key(&score.metric));
    anchors.retain(|anchor| spec.metrics.contains_key(&anchor.metric));
    scores::write(&work.out.join(scores::SCORES), &scores)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors)
}

/// PSNR by person; the floor is what another person's clip of the same place in the set gives.
fn fidelity(
    asked: &Clips,
    made: &Clips,
    (scores, anchors): (&mut Vec<Score>, &mut Vec<AnchorScore>),
) {
    let of = |found: &Clips, clip: usize, filmed: usize| {
        let frames = (0..asked.frames)
            .map(|frame| psnr_db(found.frame(clip, frame), asked.frame(filmed, frame)));
        frames.sum::<f64>() / asked.frames.max(1) as f64
    };
    for (first, clips) in people(asked) {
        let value =
            clips.iter().map(|&clip| of(made, clip, clip)).sum::<f64>() / clips.len() as f64;
        let identity = Some(asked.labels[first].identity.clone());
        scores.push(Score { metric: "psnr".to_owned(), identity, value });
    }
    let (count, each) = (asked.len(), people(asked).first().map_or(1, |(_, clips)| clips.len()));
    let others: Vec<f64> =
        (0..count).map(|clip| of(asked, (clip + each) % count.max(1), clip)).collect();
    let value = others.iter().sum::<f64>() / others.len().max(1) as f64;
    if value.is_finite() {
        let label = "another person's clip".to_owned();
        anchors.push(AnchorScore { label, metric: "psnr".to_owned(), value });
    }
}

/// The clips of each person, with the first of them.
pub(super) fn people(clips: &Clips) -> Vec<(usize, Vec<usize>)> {
    let mut people: Vec<(usize, Vec<usize>)> = Vec::new();
    for (clip, label) in clips.labels.iter().enumerate() {
        match people.last_mut() {
            Some((first, known)) if clips.labels[*first].identity == label.identity => {
                known.push(clip);
            }
            _ => people.push((clip, vec![clip])),
        }
    }
    people
}
