//! One view of a person: pose, expression, light, place, clothes and what is in front.

use ffrun_models::stream::Stream;

use super::backdrop::Backdrop;
use super::expression::Expression;
use super::light::Light;
use super::occluder::{Occluder, THINGS};
use super::outfit::{DYES, Outfit};
use super::pose::Pose;
use super::vector::linear;

/// Light, place and clothes: what two views of a person may or may not share.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The light.
    pub(crate) light: Light,
    /// The place.
    pub(crate) backdrop: Backdrop,
    /// The clothes.
    pub(crate) outfit: Outfit,
}

impl Surroundings {
    /// Random ones.
    pub(crate) fn draw(stream: &mut Stream) -> Self {
        Self {
            light: Light::draw(stream),
            backdrop: Backdrop::draw(stream),
            outfit: Outfit::draw(stream),
        }
    }
}

/// How a person holds head and face in one view.
#[derive(Clone, Debug)]
pub(crate) struct Bearing {
    /// Pose of the head.
    pub(crate) head: Pose,
    /// Pose of the shoulders.
    pub(crate) shoulders: Pose,
    /// The face.
    pub(crate) expression: Expression,
    /// Its name for captions.
    pub(crate) mood: &'static str,
}

/// Furthest the head turns on the shoulders, degrees.
const TWIST_DEG: f32 = 62.0;

impl Bearing {
    /// The head in this pose, with shoulders that follow it part of the way and a random face.
    pub(crate) fn draw(head: Pose, expression: f32, stream: &mut Stream) -> Self {
        let follow = stream.between(0.15, 0.75);
        let lean = stream.between(-4.0, 4.0);
        let (expression, mood) = Expression::draw(stream, expression);
        Self { head, shoulders: shoulders(head, follow, lean), expression, mood }
    }
}

/// Shoulders that follow the head's yaw by this share, never further behind than a neck turns.
pub(crate) fn shoulders(head: Pose, follow: f32, lean_deg: f32) -> Pose {
    let behind = (head.yaw_deg * (1.0 - follow)).clamp(-TWIST_DEG, TWIST_DEG);
    Pose::new(head.yaw_deg - behind, 0.12 * head.pitch_deg, 0.15 * head.roll_deg + lean_deg)
}

/// Something before part of the face, whose box on the picture plane is `low`…`high`.
pub(crate) fn draw_occluder(
    stream: &mut Stream,
    (low, high): ([f32; 2], [f32; 2]),
    skin: super::vector::V3,
) -> Occluder {
    let kind = stream.below(THINGS.len());
    let (_, dye) = DYES[stream.below(DYES.len())];
    let colour = if THINGS[kind] == "a hand" { skin } else { linear(dye) };
    let along = stream.between(0.1, 0.9);
    // Most things are held before the lower half of the face.
    let up = stream.between(0.05, 0.62);
    let middle = [low[0] + along * (high[0] - low[0]), low[1] + up * (high[1] - low[1]) - 0.1];
    let lean = (along - 0.5) * -0.9 + stream.between(-0.25, 0.25);
    let size =
        stream.between(0.85, 1.15) * if THINGS[kind] == "a boxing glove" { 1.15 } else { 1.0 };
    Occluder::of_kind(kind, (middle, size, lean), colour)
}
