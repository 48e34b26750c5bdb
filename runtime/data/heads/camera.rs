//! The camera: weak perspective, and the square of the scene that a picture shows.

use super::vector::V3;

/// Decimetres from the camera to the middle of the head.
const DISTANCE: f32 = 9.0;
/// Depth of the middle of the head.
const MIDDLE_Z: f32 = 0.5;
/// Height of the optical axis.
const AXIS_Y: f32 = 7.0;

/// A square window onto the picture plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Camera {
    /// Its centre on the picture plane, decimetres: right, up.
    pub(crate) centre: [f32; 2],
    /// Decimetres along a side.
    pub(crate) width: f32,
}

/// A point in space to the picture plane: right and up in decimetres, nearness unchanged.
pub(crate) fn project(p: V3) -> V3 {
    let closer = DISTANCE / (DISTANCE - (p[2] - MIDDLE_Z));
    [p[0] * closer, AXIS_Y + (p[1] - AXIS_Y) * closer, p[2]]
}

impl Camera {
    /// A place on the picture plane in pixels (right, down) of a picture with this side.
    pub(crate) fn pixel(&self, plane: [f32; 2], side: usize) -> [f32; 2] {
        let scale = side as f32 / self.width;
        let half = side as f32 / 2.0;
        [half + (plane[0] - self.centre[0]) * scale, half - (plane[1] - self.centre[1]) * scale]
    }

    /// The square of `enlarge` × the larger side of a box, about its middle.
    pub(crate) fn around(low: [f32; 2], high: [f32; 2], enlarge: f32) -> Self {
        let side = (high[0] - low[0]).max(high[1] - low[1]);
        Self {
            centre: [f32::midpoint(low[0], high[0]), f32::midpoint(low[1], high[1])],
            width: side * enlarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Camera, project};

    #[test]
    fn near_things_are_larger() {
        assert!(project([1.0, 7.0, 1.5])[0] > project([1.0, 7.0, 0.5])[0]);
    }

    #[test]
    fn the_centre_is_in_the_middle() {
        let camera = Camera { centre: [0.3, 7.0], width: 3.0 };
        assert_eq!(camera.pixel([0.3, 7.0], 64), [32.0, 32.0]);
        assert!(camera.pixel([0.3, 8.0], 64)[1] < 32.0, "up is to smaller rows");
    }
}
