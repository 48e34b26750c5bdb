//! Stills: face crops of many people, each seen several times, with exact labels.

use ffrun_models::stream::Stream;
use rayon::prelude::*;

use super::anatomy::Anatomy;
use super::camera::Camera;
use super::caption;
use super::error::HeadsError;
use super::grid::pose_grid;
use super::identity::Person;
use super::label::{Label, Places, face_bounds};
use super::model::Model;
use super::pose::Pose;
use super::posed::Posed;
use super::raster::Samples;
use super::scene::Scene;
use super::split::Split;
use super::view::{Bearing, Surroundings, draw_occluder};
use crate::spec::FacesSpec;

/// One picture of a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Still {
    /// RGB, `size_px`² × 3 bytes, row by row from the top.
    pub pixels: Vec<u8>,
    /// What is known about it.
    pub label: Label,
}

/// A set of stills: `views` of one person, then of the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Faces {
    /// Pixels along a side.
    pub size_px: usize,
    /// Stills of each person.
    pub views: usize,
    /// The stills, person by person.
    pub stills: Vec<Still>,
}

/// The face's box is enlarged by this for the crop, as the paper's pipeline does before its
/// aligner.
pub const CROP: f32 = 1.5;

/// Draws all stills of a spec, in parallel. The bytes do not depend on the number of threads.
pub fn stills(spec: &FacesSpec) -> Result<Faces, HeadsError> {
    stills_at(spec, None)
}

/// [`stills`] at these poses instead of the spec's, one view each.
pub fn stills_at(spec: &FacesSpec, poses: Option<&[Pose]>) -> Result<Faces, HeadsError> {
    let grid = pose_grid();
    let poses = poses.or_else(|| spec.pose_grid.then(|| grid.get(..spec.views)).flatten());
    let split = check(spec, &grid)?;
    let views = poses.map_or(spec.views, <[Pose]>::len);
    let people: Result<Vec<Vec<Still>>, HeadsError> = (0..spec.identities)
        .into_par_iter()
        .map_init(
            || Samples::new(0),
            |samples, index| {
                let sitting = Sitting::start(spec, split, index)?;
                sitting.stills(views, poses, samples)
            },
        )
        .collect();
    Ok(Faces { size_px: spec.size_px, views, stills: people?.into_iter().flatten().collect() })
}

/// The stills of one person of a spec, the same as [`stills`] draws of them.
pub fn stills_of(spec: &FacesSpec, person: usize) -> Result<Vec<Still>, HeadsError> {
    let grid = pose_grid();
    let poses = spec.pose_grid.then(|| grid.get(..spec.views)).flatten();
    let sitting = Sitting::start(spec, check(spec, &grid)?, person)?;
    sitting.stills(spec.views, poses, &mut Samples::new(0))
}

fn check(spec: &FacesSpec, grid: &[Pose]) -> Result<Split, HeadsError> {
    let wrong = |field, found: String, wanted| Err(HeadsError::Spec { field, found, wanted });
    if !(8..=1024).contains(&spec.size_px) {
        return wrong("size_px", spec.size_px.to_string(), "from 8 to 1024");
    }
    if spec.pose_grid && spec.views > grid.len() {
        return wrong("views", spec.views.to_string(), "at most 17 with `pose_grid`");
    }
    if !matches!(spec.surroundings.as_str(), "per_person" | "per_view") {
        return wrong(
            "surroundings",
            format!("`{}`", spec.surroundings),
            "`per_person` or `per_view`",
        );
    }
    let split = Split::parse(&spec.split)?;
    split.person(spec.identities.saturating_sub(1))?;
    Ok(split)
}

/// One person before the camera.
struct Sitting<'a> {
    spec: &'a FacesSpec,
    name: String,
    number: u64,
    model: Model,
    shared: Surroundings,
}

impl<'a> Sitting<'a> {
    fn start(spec: &'a FacesSpec, split: Split, index: usize) -> Result<Self, HeadsError> {
        let number = split.person(index)?;
        let shared = Surroundings::draw(&mut Stream::new(spec.world, "heads/surroundings", number));
        let person = Person::draw(spec.world, number);
        let model = Model::build(spec.world, person, shared.outfit)?;
        Ok(Self { spec, name: split.identity(index), number, model, shared })
    }

    fn stills(
        mut self,
        views: usize,
        poses: Option<&[Pose]>,
        samples: &mut Samples,
    ) -> Result<Vec<Still>, HeadsError> {
        (0..views)
            .map(|view| {
                // One stream for each view of each person.
                let step = self.number * 4096 + view as u64;
                let mut stream = Stream::new(self.spec.world, "heads/view", step);
                let drawn = self.pose(&mut stream);
                self.view(poses.map_or(drawn, |poses| poses[view]), &mut stream, samples)
            })
            .collect()
    }

    fn pose(&self, stream: &mut Stream) -> Pose {
        let mut within = |limit: f64| limit as f32 * stream.between(-1.0, 1.0);
        let (yaw, least) = (within(self.spec.yaw_deg), self.spec.yaw_least_deg as f32);
        // |yaw| from 0 to its limit becomes |yaw| from the least to the limit.
        let room = 1.0 - least / (self.spec.yaw_deg as f32).max(f32::MIN_POSITIVE);
        let yaw = if least > 0.0 { yaw.signum() * (least + yaw.abs() * room) } else { yaw };
        Pose::new(yaw, within(self.spec.pitch_deg), within(self.spec.roll_deg))
    }

    fn view(
        &mut self,
        pose: Pose,
        stream: &mut Stream,
        samples: &mut Samples,
    ) -> Result<Still, HeadsError> {
        let spec = self.spec;
        let bearing = Bearing::draw(pose, spec.expression as f32, stream);
        let own = Surroundings::draw(stream);
        let around = if spec.surroundings == "per_view" {
            self.model.dress(own.outfit);
            &own
        } else {
            &self.shared
        };
        let anatomy = Anatomy::shared()?;
        let poses = [bearing.head, bearing.shoulders];
        let posed = Posed::new(&self.model, &bearing.expression, poses, &around.light)?;
        let bounds = face_bounds(&posed, anatomy);
        let camera = Camera::around(bounds.0, bounds.1, CROP);
        let covered = stream.chance(spec.occlusion as f32);
        let occluders: Vec<_> = covered
            .then(|| draw_occluder(stream, bounds, self.model.person.skin))
            .into_iter()
            .collect();
        let scene = Scene {
            model: &self.model,
            posed: &posed,
            gaze: bearing.expression.gaze,
            light: &around.light,
            backdrop: &around.backdrop,
            occluders: &occluders,
            camera,
        };
        let picture = scene.draw(spec.size_px, samples);
        let places = Places::find(&self.model, &posed, anatomy, (&camera, spec.size_px));
        let caption = self.caption(&bearing, around, occluders.first().map(|thing| thing.words));
        Ok(Still {
            pixels: picture.pixels,
            label: places.label(&self.name, pose, picture.visible, caption),
        })
    }

    fn caption(&self, bearing: &Bearing, around: &Surroundings, thing: Option<&str>) -> String {
        let before = thing.map(|words| format!(", behind {words}")).unwrap_or_default();
        format!(
            "A photo of {}, {}, with {}, {}, in {}{before}.",
            caption::person(&self.model.person),
            caption::clothes(&around.outfit),
            bearing.mood,
            around.backdrop.words,
            around.light.words,
        )
    }
}
