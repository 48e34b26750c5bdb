//! Labels of a picture of a head: who, at which exact angles, where the face and its marks lie.

use super::anatomy::Anatomy;
use super::camera::Camera;
use super::model::Model;
use super::pose::Pose;
use super::posed::{Posed, fixed};
use super::vector::add;

/// What is known exactly about a picture of a head.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Name of the person, e.g. `train-00012`.
    pub identity: String,
    /// Nose to image right is positive, degrees.
    pub yaw_deg: f32,
    /// Nose up is positive, degrees.
    pub pitch_deg: f32,
    /// Clockwise in the image is positive, degrees.
    pub roll_deg: f32,
    /// Box of the face, forehead to chin: left, top, width, height in pixels. It may reach past
    /// the picture.
    pub face_box: [f32; 4],
    /// The eyes, the tip of the nose and the corners of the mouth in pixels (right, down); of a
    /// pair the one at image left in a frontal view comes first. Hidden marks are given too.
    pub landmarks: [[f32; 2]; 5],
    /// Share of the face turned to the camera that nothing covers; 0 when no face is seen.
    pub visible: f32,
    /// A sentence about the picture.
    pub caption: String,
}

/// Distance from an eyeball's middle to the pupil, decimetres.
const PUPIL: f32 = 0.135;

/// The five landmarks on the picture plane, decimetres.
pub(crate) fn landmarks(model: &Model, posed: &Posed, anatomy: &Anatomy) -> [[f32; 2]; 5] {
    let eye = |side: usize| fixed(&posed.rotation, add(model.eyes[side], [0.0, 0.0, PUPIL]));
    let mark = |which: usize| {
        let point = posed.points[anatomy.marks[which] as usize];
        [point[0], point[1]]
    };
    [eye(0), eye(1), mark(0), mark(1), mark(2)]
}

/// Lowest and highest right/up of the face on the picture plane, decimetres.
pub(crate) fn face_bounds(posed: &Posed, anatomy: &Anatomy) -> ([f32; 2], [f32; 2]) {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for &vertex in &anatomy.face {
        let point = posed.points[vertex as usize];
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    (low, high)
}

/// Where things lie in a picture with this side.
pub(crate) struct Places {
    /// See [`Label::face_box`].
    pub(crate) face_box: [f32; 4],
    /// See [`Label::landmarks`].
    pub(crate) landmarks: [[f32; 2]; 5],
}

impl Places {
    /// Boxes and marks in pixels.
    pub(crate) fn find(
        model: &Model,
        posed: &Posed,
        anatomy: &Anatomy,
        (camera, side): (&Camera, usize),
    ) -> Self {
        let (low, high) = face_bounds(posed, anatomy);
        let top_left = camera.pixel([low[0], high[1]], side);
        let bottom_right = camera.pixel([high[0], low[1]], side);
        Self {
            face_box: [
                top_left[0],
                top_left[1],
                bottom_right[0] - top_left[0],
                bottom_right[1] - top_left[1],
            ],
            landmarks: landmarks(model, posed, anatomy).map(|mark| camera.pixel(mark, side)),
        }
    }

    /// The label of a picture.
    pub(crate) fn label(self, identity: &str, pose: Pose, visible: f32, caption: String) -> Label {
        Label {
            identity: identity.to_owned(),
            yaw_deg: pose.yaw_deg,
            pitch_deg: pose.pitch_deg,
            roll_deg: pose.roll_deg,
            face_box: self.face_box,
            landmarks: self.landmarks,
            visible,
            caption,
        }
    }
}
