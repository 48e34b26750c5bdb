//! What the field's script prints as "FID": how far frames are from the reference, one by one.

use candle_core::Tensor;

use super::{Footage, Tally, movement::Poses, tally::mean};
use crate::{engine::work::StageError, stages::tensor_error};

/// The metric.
const METRIC: &str = "fid_consisid_in_world";

/// Mean over the frames with a face of ‖features − features of the reference‖². Ceiling: what was
/// filmed. Floor: the references of other people.
pub(super) fn measure(
    footage: &Footage<'_>,
    [sampled, filmed]: [&Poses; 2],
    tally: &mut Tally,
) -> Result<(), StageError> {
    if !tally.wants(&[METRIC]) {
        return Ok(());
    }
    let (asked, people) = (footage.asked, footage.people);
    let features = |pixels: &[u8]| -> Result<Vec<Vec<f32>>, StageError> {
        let found: Tensor = footage.rulers.features(pixels, asked.size_px)?;
        found.to_vec2().map_err(tensor_error)
    };
    let references = features(&asked.references)?;
    let [made, truth] = [features(&footage.made.pixels)?, features(&asked.pixels)?];
    let distance = |(frames, poses): (&[Vec<f32>], &Poses), clip: usize, reference: usize| {
        let of_clip = &frames[clip * asked.frames..];
        mean(poses.faces(clip).map(|frame| squared(&of_clip[frame], &references[reference])))
    };
    let made = (made.as_slice(), sampled);
    tally.by_person(METRIC, people, |clip| distance(made, clip, clip));
    let clips = || 0..asked.len();
    let own = clips().filter_map(|clip| distance((truth.as_slice(), filmed), clip, clip));
    tally.anchor(METRIC, "what was filmed", mean(own));
    let others = |clip: usize| {
        mean(people.counterparts(clip).filter_map(|other| distance(made, clip, other)))
    };
    tally.anchor(METRIC, "another person's reference", mean(clips().filter_map(others)));
    Ok(())
}

fn squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}
