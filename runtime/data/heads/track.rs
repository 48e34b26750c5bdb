//! Tracks: the poses of a clip's frames, without drawing them.

use ffrun_models::stream::Stream;

use super::clip::wrap;
use super::error::HeadsError;
use super::family::Family;
use super::motion::Motion;
use super::pose::Pose;
use super::split::Split;
use crate::spec::ClipSpec;

/// The exact pose of every frame that `clip` draws of the same spec, yaw in ±180°.
pub fn track(spec: &ClipSpec) -> Result<Vec<Pose>, HeadsError> {
    let (split, family) = (Split::parse(&spec.split)?, Family::parse(&spec.family)?);
    let stream = &mut clip_stream(spec, family, split.person(spec.person)?);
    let motion = Motion::draw(family, spec.frames as f32 / spec.fps as f32, stream);
    let pose = |frame: usize| {
        let head = motion.at(frame as f32 / spec.fps as f32).head;
        Pose { yaw_deg: wrap(head.yaw_deg), ..head }
    };
    Ok((0..spec.frames).map(pose).collect())
}

/// Where a clip's draws come from, the motion first.
pub(crate) fn clip_stream(spec: &ClipSpec, family: Family, number: u64) -> Stream {
    Stream::new(spec.world, &format!("heads/clip/{}/{number}", family.name()), spec.take)
}

#[cfg(test)]
mod tests {
    use super::track;
    use crate::data::heads::{Family, clip};
    use crate::spec::ClipSpec;

    #[test]
    fn a_track_is_what_the_clip_shows() {
        for family in Family::ALL {
            let spec = ClipSpec {
                split: "test".into(),
                person: 3,
                family: family.name().into(),
                frames: 5,
                fps: 2.0,
                size_px: 8,
                world: 0,
                take: 1,
            };
            let labels = clip(&spec).unwrap().frames.into_iter().map(|still| still.label);
            for (label, pose) in labels.zip(track(&spec).unwrap()) {
                let shown = [label.yaw_deg, label.pitch_deg, label.roll_deg];
                assert_eq!(shown, [pose.yaw_deg, pose.pitch_deg, pose.roll_deg]);
            }
        }
    }
}
