//! Who is seen, by the in-world recognisers.

use candle_core::{Result as TensorResult, Tensor};

use super::{Footage, Tally, movement::Poses, people::People, tally::mean};
use crate::{
    engine::work::StageError,
    stages::{clipset::Clips, evaluators::Recognition, tensor_error},
};

/// A recogniser and the metrics that it gives: similarity, similarity of turned faces, who is found.
const RULERS: [(Recognition, [&str; 3]); 2] = [
    (
        Recognition::ArcFace,
        ["facesim_arc_in_world", "facesim_arc_turned_in_world", "identity_top1_in_world"],
    ),
    (
        Recognition::CurricularFace,
        ["facesim_cur_in_world", "facesim_cur_turned_in_world", "identity_top1_cur_in_world"],
    ),
];

/// |yaw| from which a face counts as turned, degrees.
const TURNED_DEG: f64 = 45.0;

/// Similarities of the frames of generated clips to their references, by recogniser: name of the
/// metric, one number a frame.
pub(super) type Similarities = Vec<(&'static str, Vec<f64>)>;

/// Unit vectors of frames, and of the references they are compared with.
struct Vectors {
    frames: usize,
    of_frames: Vec<Vec<f32>>,
    of_references: Vec<Vec<f32>>,
}

impl Vectors {
    /// Cosine of a frame with a reference.
    fn cosine(&self, (clip, frame): (usize, usize), reference: usize) -> f64 {
        let found = &self.of_frames[clip * self.frames + frame];
        let wanted = &self.of_references[reference];
        found.iter().zip(wanted).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    }

    /// Mean over frames of a clip, 0 when there is none, as the field's scripts have it.
    fn similarity(&self, clip: usize, frames: &[usize], reference: usize) -> f64 {
        mean(frames.iter().map(|&frame| self.cosine((clip, frame), reference))).unwrap_or(0.0)
    }

    /// Whether a clip is nearer to its own reference than to that of every other person. Without a
    /// face nobody is found.
    fn is_found(&self, clip: usize, frames: &[usize], people: &People) -> bool {
        let own = self.similarity(clip, frames, clip);
        let mut others = people.counterparts(clip);
        !frames.is_empty() && others.all(|other| self.similarity(clip, frames, other) < own)
    }
}

/// Measures every recogniser that a declared metric speaks of, and gives its similarities.
pub(super) fn measure(
    footage: &Footage<'_>,
    poses: [&Poses; 2],
    tally: &mut Tally,
) -> Result<Similarities, StageError> {
    let mut similarities = Vec::new();
    for (by, metrics) in RULERS {
        let [sampled, filmed] = vectors(footage, by)?;
        compare(footage, metrics, [(&sampled, poses[0]), (&filmed, poses[1])], tally);
        let frames = |clip: usize| (0..sampled.frames).map(move |frame| (clip, frame));
        let all = (0..footage.made.len()).flat_map(frames);
        similarities.push((metrics[0], all.map(|at| sampled.cosine(at, at.0)).collect()));
    }
    Ok(similarities)
}

/// Of generated and of filmed clips.
fn vectors(footage: &Footage<'_>, by: Recognition) -> Result<[Vectors; 2], StageError> {
    let (asked, made) = (footage.asked, footage.made);
    let rows = |pixels: &[u8]| -> Result<Vec<Vec<f32>>, StageError> {
        let found: TensorResult<_> = footage
            .rulers
            .recognise(by, pixels, asked.size_px)
            .map(|vectors: Tensor| vectors.to_vec2::<f32>())?;
        found.map_err(tensor_error)
    };
    let of_references = rows(&asked.references)?;
    let of = |clips: &Clips| -> Result<Vectors, StageError> {
        let of_frames = rows(&clips.pixels)?;
        Ok(Vectors { frames: clips.frames, of_frames, of_references: of_references.clone() })
    };
    Ok([of(made)?, of(asked)?])
}

/// Floor: the references of other people. Ceiling: what was filmed.
fn compare(
    footage: &Footage<'_>,
    [similarity, turned, found]: [&str; 3],
    [sampled, filmed]: [(&Vectors, &Poses); 2],
    tally: &mut Tally,
) {
    type Read<'a> = (&'a Vectors, &'a Poses);
    let people = footage.people;
    let all = || 0..footage.asked.len();
    let faces = |(_, poses): Read<'_>, clip: usize| poses.faces(clip).collect::<Vec<_>>();
    let own = |read: Read<'_>, clip: usize| Some(read.0.similarity(clip, &faces(read, clip), clip));
    tally.by_person(similarity, people, |clip| own(sampled, clip));
    tally.anchor(similarity, "what was filmed", mean(all().filter_map(|clip| own(filmed, clip))));
    let others = |read: Read<'_>, clip: usize, frames: &[usize]| {
        mean(people.counterparts(clip).map(|other| read.0.similarity(clip, frames, other)))
    };
    let floor = mean(all().filter_map(|clip| others(sampled, clip, &faces(sampled, clip))));
    tally.anchor(similarity, "another person's reference", floor);

    // A clip that never turns so far says nothing about turned faces.
    let turned_faces = |read: Read<'_>, clip: usize| {
        let yaw = |frame: &usize| read.1.of(clip)[*frame].euler.to_degrees()[1].abs();
        let frames = faces(read, clip);
        let frames: Vec<usize> = frames.into_iter().filter(|at| yaw(at) >= TURNED_DEG).collect();
        (!frames.is_empty()).then_some(frames)
    };
    let own = |read: Read<'_>, clip: usize| {
        turned_faces(read, clip).map(|frames| read.0.similarity(clip, &frames, clip))
    };
    tally.by_person(turned, people, |clip| own(sampled, clip));
    tally.anchor(turned, "what was filmed", mean(all().filter_map(|clip| own(filmed, clip))));
    let floor = |clip: usize| others(sampled, clip, &turned_faces(sampled, clip)?);
    tally.anchor(turned, "another person's reference", mean(all().filter_map(floor)));

    let is_found = |read: Read<'_>, clip: usize| {
        Some(f64::from(u8::from(read.0.is_found(clip, &faces(read, clip), people))))
    };
    tally.by_person(found, people, |clip| is_found(sampled, clip));
    tally.anchor(found, "what was filmed", mean(all().filter_map(|clip| is_found(filmed, clip))));
    tally.anchor(found, "chance", Some(1.0 / people.len().max(1) as f64));
}
