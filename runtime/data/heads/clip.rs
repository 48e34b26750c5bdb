//! Clips: one person in one motion programme, frame by frame, with exact labels.

use super::anatomy::Anatomy;
use super::backdrop::Backdrop;
use super::camera::Camera;
use super::caption;
use super::error::HeadsError;
use super::family::Family;
use super::identity::Person;
use super::label::Places;
use super::light::Light;
use super::model::Model;
use super::motion::{Moment, Motion};
use super::occluder::Occluder;
use super::outfit::{DYES, Outfit};
use super::pose::Pose;
use super::posed::Posed;
use super::raster::Samples;
use super::scene::Scene;
use super::split::Split;
use super::still::Still;
use super::track::clip_stream;
use super::vector::{V3, linear};
use crate::spec::ClipSpec;

/// A clip of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Pixels along a side.
    pub size_px: usize,
    /// Frames a second.
    pub fps: f64,
    /// The motion programme.
    pub family: Family,
    /// Name of the person, e.g. `test-00003`.
    pub identity: String,
    /// What the clip shows, in the manner of the paper's prompts.
    pub caption: String,
    /// The frames in order.
    pub frames: Vec<Still>,
}

/// Draws one clip. The bytes depend on the spec alone.
pub fn clip(spec: &ClipSpec) -> Result<Clip, HeadsError> {
    check(spec)?;
    let shoot = Shoot::start(spec)?;
    let mut samples = Samples::new(0);
    let frames: Result<Vec<Still>, HeadsError> =
        (0..spec.frames).map(|frame| shoot.frame(frame, &mut samples)).collect();
    Ok(Clip {
        size_px: spec.size_px,
        fps: spec.fps,
        family: shoot.family,
        identity: shoot.identity,
        caption: shoot.caption,
        frames: frames?,
    })
}

fn check(spec: &ClipSpec) -> Result<(), HeadsError> {
    let wrong = |field, found: String, wanted| Err(HeadsError::Spec { field, found, wanted });
    if !(8..=1024).contains(&spec.size_px) {
        return wrong("size_px", spec.size_px.to_string(), "from 8 to 1024");
    }
    if !(1.0..=240.0).contains(&spec.fps) {
        return wrong("fps", spec.fps.to_string(), "from 1 to 240");
    }
    Ok(())
}

/// Everything that the frames share.
struct Shoot<'a> {
    spec: &'a ClipSpec,
    family: Family,
    identity: String,
    caption: String,
    model: Model,
    light: Light,
    backdrop: Backdrop,
    motion: Motion,
    camera: Camera,
    glove: V3,
}

impl<'a> Shoot<'a> {
    fn start(spec: &'a ClipSpec) -> Result<Self, HeadsError> {
        let (split, family) = (Split::parse(&spec.split)?, Family::parse(&spec.family)?);
        let number = split.person(spec.person)?;
        let stream = &mut clip_stream(spec, family, number);
        let seconds = spec.frames as f32 / spec.fps as f32;
        let motion = Motion::draw(family, seconds, stream);
        let places = family.places();
        let backdrop = Backdrop::of_kind(places[stream.below(places.len())], stream);
        let (light, outfit) = (Light::draw(stream), Outfit::draw(stream));
        let (glove_word, glove) = DYES[[5, 2, 4, 10][stream.below(4)]];
        let camera = Camera {
            centre: [stream.between(-0.15, 0.15), stream.between(6.90, 7.05)],
            // The head fills the picture: at 64 px a face needs every pixel to be recognised.
            width: stream.between(2.5, 2.8),
        };
        let person = Person::draw(spec.world, number);
        let model = Model::build(spec.world, person, outfit)?;
        Ok(Self {
            identity: split.identity(spec.person),
            caption: describe(&model, &deed(family, &motion, glove_word), (&backdrop, &light)),
            glove: linear(glove),
            spec,
            family,
            model,
            light,
            backdrop,
            motion,
            camera,
        })
    }

    fn frame(&self, frame: usize, samples: &mut Samples) -> Result<Still, HeadsError> {
        let moment = self.motion.at(frame as f32 / self.spec.fps as f32);
        let poses = [moment.head, moment.shoulders];
        let posed = Posed::new(&self.model, &moment.expression, poses, &self.light)?;
        // Moving the window against the body moves the body across the picture.
        let camera = Camera {
            centre: [
                self.camera.centre[0] - moment.offset[0],
                self.camera.centre[1] - moment.offset[1],
            ],
            ..self.camera
        };
        let occluders = self.gloves(&moment);
        let scene = Scene {
            model: &self.model,
            posed: &posed,
            gaze: moment.expression.gaze,
            light: &self.light,
            backdrop: &self.backdrop,
            occluders: &occluders,
            camera,
        };
        let picture = scene.draw(self.spec.size_px, samples);
        let anatomy = Anatomy::shared()?;
        let places = Places::find(&self.model, &posed, anatomy, (&camera, self.spec.size_px));
        let yaw_deg = wrap(moment.head.yaw_deg);
        let pose = Pose { yaw_deg, ..moment.head };
        let caption = self.caption.clone();
        let label = places.label(&self.identity, pose, picture.visible, caption);
        Ok(Still { pixels: picture.pixels, label })
    }

    fn gloves(&self, moment: &Moment) -> Vec<Occluder> {
        let glove = |&place: &([f32; 2], f32, f32)| Occluder::of_kind(0, place, self.glove);
        moment.gloves.iter().map(glove).collect()
    }
}

/// An angle in −180…180 degrees.
pub(crate) fn wrap(degrees: f32) -> f32 {
    degrees - 360.0 * (degrees / 360.0).round()
}

/// What the person wears on the hands, and does.
fn deed(family: Family, motion: &Motion, glove: &str) -> [String; 2] {
    let gloves = match family {
        Family::Boxing => format!(" and {glove} boxing gloves"),
        _ => String::new(),
    };
    [gloves, family.deed(motion.side > 0.0)]
}

fn describe(
    model: &Model,
    [gloves, deed]: &[String; 2],
    (backdrop, light): (&Backdrop, &Light),
) -> String {
    format!(
        "The video features {} {}, {}{gloves}. The {} {deed}. The scene is seen in {}.",
        caption::person(&model.person),
        backdrop.words,
        caption::clothes(&model.outfit),
        model.person.noun(),
        light.words,
    )
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn angles_wrap() {
        assert_eq!([190.0, -190.0, 540.0, 30.0].map(wrap), [-170.0, 170.0, -180.0, 30.0]);
    }
}
