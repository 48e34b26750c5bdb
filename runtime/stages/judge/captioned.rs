//! Whether clips show what their captions say.

use super::{Footage, Tally, tally::mean};
use crate::{engine::work::StageError, stages::clipset::Clips};

/// The metric.
const SCORE: &str = "clip_score_in_world";

/// In-world CLIPScore: floor with the caption of another person's clip of the same family, ceiling
/// of what was filmed.
pub(super) fn measure(footage: &Footage<'_>, tally: &mut Tally) -> Result<(), StageError> {
    if !tally.wants(&[SCORE]) {
        return Ok(());
    }
    let (asked, people) = (footage.asked, footage.people);
    let own: Vec<&str> = asked.labels.iter().map(|label| label.caption.as_str()).collect();
    let others: Vec<&str> =
        (0..own.len()).map(|clip| own[people.next(clip).unwrap_or(clip)]).collect();
    let by_clip = |clips: &Clips, captions: &[&str]| -> Result<Vec<f64>, StageError> {
        let scores = footage.rulers.clip_score(&clips.pixels, clips.size_px, captions)?;
        let of = |frames: &[f32]| mean(frames.iter().map(|at| f64::from(*at))).unwrap_or(f64::NAN);
        Ok(scores.chunks(clips.frames.max(1)).map(of).collect())
    };
    let sampled = by_clip(footage.made, &own)?;
    tally.by_person(SCORE, people, |clip| sampled.get(clip).copied());
    let whole = |values: Vec<f64>| mean(values.into_iter());
    tally.anchor(SCORE, "what was filmed", whole(by_clip(asked, &own)?));
    tally.anchor(SCORE, "another clip's caption", whole(by_clip(footage.made, &others)?));
    Ok(())
}
