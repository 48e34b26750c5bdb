//! Head pose: Euler angles, their rotation matrix, and back.
//!
//! ffrun's one convention: yaw > 0 = nose to image right, pitch > 0 = up, roll > 0 = clockwise in
//! the image, R = Rz(roll)·Ry(yaw)·Rx(pitch), for x to image right, y up and z to the camera.

use super::vector::V3;

/// A rotation matrix, row by row.
pub(crate) type Rotation = [V3; 3];

/// Euler angles of a head in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Nose to image right is positive.
    pub yaw_deg: f32,
    /// Nose up is positive.
    pub pitch_deg: f32,
    /// Clockwise in the image is positive.
    pub roll_deg: f32,
}

impl Pose {
    /// The pose of these angles in degrees.
    pub fn new(yaw_deg: f32, pitch_deg: f32, roll_deg: f32) -> Self {
        Self { yaw_deg, pitch_deg, roll_deg }
    }

    /// R = Rz(roll)·Ry(yaw)·Rx(pitch).
    pub fn rotation(self) -> [[f32; 3]; 3] {
        let [sy, cy] = sine_cosine(self.yaw_deg);
        let [sp, cp] = sine_cosine(self.pitch_deg);
        let [sr, cr] = sine_cosine(self.roll_deg);
        let about_x = [[1.0, 0.0, 0.0], [0.0, cp, sp], [0.0, -sp, cp]];
        let about_y = [[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]];
        let about_z = [[cr, sr, 0.0], [-sr, cr, 0.0], [0.0, 0.0, 1.0]];
        product(about_z, product(about_y, about_x)).map(|row| row.map(|x| x as f32))
    }

    /// The angles of a rotation, pitch in ±90° (so yaw may pass ±90°: the back of the head).
    pub fn of_rotation(r: [[f32; 3]; 3]) -> Self {
        let degrees = |radians: f32| f64::from(radians).to_degrees() as f32;
        // Of the two triples of angles with this matrix, the one whose cos(pitch) ≥ 0: the third
        // row of R is (−sin yaw, −cos yaw·sin pitch, cos yaw·cos pitch).
        let cosine = if r[2][2] < 0.0 { -1.0 } else { 1.0 };
        let cos_yaw = cosine * (r[2][1] * r[2][1] + r[2][2] * r[2][2]).sqrt();
        Self {
            yaw_deg: degrees((-r[2][0]).atan2(cos_yaw)),
            pitch_deg: degrees((-r[2][1] * cosine).atan2(r[2][2] * cosine)),
            roll_deg: degrees((-r[1][0] * cosine).atan2(r[0][0] * cosine)),
        }
    }

    /// From self (t = 0) to `other` (t = 1), angle by angle.
    pub(crate) fn toward(self, other: Self, t: f32) -> Self {
        let step = |a: f32, b: f32| a + (b - a) * t;
        Self {
            yaw_deg: step(self.yaw_deg, other.yaw_deg),
            pitch_deg: step(self.pitch_deg, other.pitch_deg),
            roll_deg: step(self.roll_deg, other.roll_deg),
        }
    }
}

/// R·v.
pub(crate) fn rotate(r: &Rotation, v: V3) -> V3 {
    std::array::from_fn(|i| r[i][0] * v[0] + r[i][1] * v[1] + r[i][2] * v[2])
}

/// In f64, where the platforms' last bits differ by less than f32 keeps.
pub(crate) fn sine_cosine(degrees: f32) -> [f64; 2] {
    let (sine, cosine) = f64::from(degrees).to_radians().sin_cos();
    [sine, cosine]
}

fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

#[cfg(test)]
mod tests {
    use super::{Pose, rotate};

    #[test]
    fn signs_are_as_documented() {
        let nose = |pose: Pose| rotate(&pose.rotation(), [0.0, 0.0, 1.0]);
        assert!(nose(Pose::new(30.0, 0.0, 0.0))[0] > 0.49, "yaw > 0 is to image right");
        assert!(nose(Pose::new(0.0, 30.0, 0.0))[1] > 0.49, "pitch > 0 is up");
        let crown = rotate(&Pose::new(0.0, 0.0, 30.0).rotation(), [0.0, 1.0, 0.0]);
        assert!(crown[0] > 0.49, "roll > 0 leans the crown to image right");
    }

    #[test]
    fn angles_survive_the_matrix() {
        for yaw in [-170.0f32, -100.0, -75.0, -20.0, 0.0, 45.0, 89.0, 120.0, 179.0] {
            for pitch in [-60.0f32, -15.0, 0.0, 40.0, 80.0] {
                for roll in [-45.0f32, 0.0, 30.0] {
                    let pose = Pose::new(yaw, pitch, roll);
                    let back = Pose::of_rotation(pose.rotation());
                    let error = (back.yaw_deg - yaw).abs()
                        + (back.pitch_deg - pitch).abs()
                        + (back.roll_deg - roll).abs();
                    assert!(error < 0.01, "{pose:?} became {back:?}");
                }
            }
        }
    }
}
