//! Whether a face is seen, how it is turned, and whether it turns as the caption asks.

use ffrun_models::rotation::{Euler, geodesic_angle};

use super::{Footage, Tally, tally::mean};
use crate::engine::work::StageError;
use crate::stages::{
    clipset::{ClipLabel, Clips},
    evaluators::{Evaluators, Seen},
};

/// A face counts where at least half of it is seen.
pub(super) const PRESENT: f32 = 0.5;

/// Poses in the frames of some clips.
pub(super) struct Poses {
    frames: usize,
    seen: Vec<Seen>,
}

impl Poses {
    fn read(clips: &Clips, rulers: &Evaluators) -> Result<Self, StageError> {
        Ok(Self { frames: clips.frames, seen: rulers.pose(&clips.pixels, clips.size_px)? })
    }

    /// The frames of a clip.
    pub(super) fn of(&self, clip: usize) -> &[Seen] {
        &self.seen[clip * self.frames..(clip + 1) * self.frames]
    }

    /// The frames of a clip that show a face.
    pub(super) fn faces(&self, clip: usize) -> impl Iterator<Item = usize> {
        let present = self.of(clip).iter().enumerate().filter(|(_, seen)| seen.presence > PRESENT);
        present.map(|(frame, _)| frame)
    }

    fn face_rate(&self, clip: usize) -> f64 {
        self.faces(clip).count() as f64 / self.frames.max(1) as f64
    }

    /// Mean angle to the poses of a label, over the frames where both have a face.
    fn error_deg(&self, clip: usize, label: &ClipLabel) -> Option<f64> {
        let filmed = |frame: &usize| label.visible.get(*frame).is_some_and(|seen| *seen >= PRESENT);
        mean(self.faces(clip).filter(filmed).filter_map(|frame| {
            let asked = Euler::from_degrees(label.pose_deg.get(frame)?.map(f64::from));
            let found = &self.of(clip)[frame].rotation;
            Some(geodesic_angle(found, &asked.to_rotation()).to_degrees())
        }))
    }

    /// Which side of the face a clip shows, positive for the right: sines of yaw, each weighed by
    /// how surely there is a face at all.
    fn side(&self, clip: usize) -> f64 {
        let of = |seen: &Seen| f64::from(seen.presence) * seen.euler.to_array()[1].sin();
        self.of(clip).iter().map(of).sum()
    }
}

/// Measures, and says what was seen in the generated and in the filmed frames.
pub(super) fn measure(footage: &Footage<'_>, tally: &mut Tally) -> Result<[Poses; 2], StageError> {
    let Footage { asked, people, .. } = *footage;
    let sampled = Poses::read(footage.made, footage.rulers)?;
    let filmed = Poses::read(asked, footage.rulers)?;
    let all = || 0..asked.len();

    tally.by_person("face_rate_in_world", people, |clip| Some(sampled.face_rate(clip)));
    let ceiling = mean(all().map(|clip| filmed.face_rate(clip)));
    tally.anchor("face_rate_in_world", "what was filmed", ceiling);

    let error = |poses: &Poses, clip: usize| poses.error_deg(clip, &asked.labels[clip]);
    tally.by_person("pose_error_in_world", people, |clip| error(&sampled, clip));
    let ceiling = mean(all().filter_map(|clip| error(&filmed, clip)));
    tally.anchor("pose_error_in_world", "what was filmed", ceiling);
    let other = |clip: usize| filmed.error_deg(people.next(clip)?, &asked.labels[clip]);
    let floor = mean(all().filter_map(other));
    tally.anchor("pose_error_in_world", "another clip of the family", floor);

    let right = |poses: &Poses, clip: usize| {
        let side = side_asked(&asked.labels[clip])?;
        Some(f64::from(u8::from(poses.side(clip) * side > 0.0)))
    };
    tally.by_person("turn_direction_in_world", people, |clip| right(&sampled, clip));
    let ceiling = mean(all().filter_map(|clip| right(&filmed, clip)));
    tally.anchor("turn_direction_in_world", "what was filmed", ceiling);
    tally.anchor("turn_direction_in_world", "chance", Some(0.5));
    Ok([sampled, filmed])
}

/// The side that a clip of `turning` shows on its way from the back to the front. No other family's
/// caption fixes what side is seen at which moment.
fn side_asked(label: &ClipLabel) -> Option<f64> {
    let sines = label.pose_deg.iter().map(|[_, yaw, _]| f64::from(yaw.to_radians().sin()));
    (label.family == "turning").then(|| sines.sum())
}
