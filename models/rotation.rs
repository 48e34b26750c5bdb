//! Head rotations: 6D vectors, matrices and Euler angles, and the conventions of others.
//!
//! Everywhere in ffrun: radians, order (pitch, yaw, roll), R = Rz(roll)·Ry(yaw)·Rx(pitch),
//! pitch > 0 = up, yaw > 0 = nose to image right, roll > 0 = clockwise in the image.

use std::f64::consts::PI;

/// A 3×3 rotation matrix, row by row.
pub type Rotation = [[f64; 3]; 3];

/// Three Euler angles in radians.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Euler {
    /// Rotation about the image's x axis; > 0 looks up.
    pub pitch: f64,
    /// Rotation about the image's y axis; > 0 turns the nose to image right. In [−π/2, π/2] when
    /// computed from a matrix.
    pub yaw: f64,
    /// Rotation about the viewing axis; > 0 is clockwise in the image.
    pub roll: f64,
}

impl Euler {
    /// From degrees in the order pitch, yaw, roll.
    pub fn from_degrees([pitch, yaw, roll]: [f64; 3]) -> Self {
        let [pitch, yaw, roll] = [pitch, yaw, roll].map(f64::to_radians);
        Self { pitch, yaw, roll }
    }

    /// To degrees in the order pitch, yaw, roll.
    pub fn to_degrees(self) -> [f64; 3] {
        self.to_array().map(f64::to_degrees)
    }

    /// Radians in the order pitch, yaw, roll.
    pub fn to_array(self) -> [f64; 3] {
        [self.pitch, self.yaw, self.roll]
    }

    /// R = Rz(roll)·Ry(yaw)·Rx(pitch).
    pub fn to_rotation(self) -> Rotation {
        product(&about_z(self.roll), &product(&about_y(self.yaw), &about_x(self.pitch)))
    }

    /// The angles of a rotation, as 6DRepNet's `compute_euler_angles_from_rotation_matrices`
    /// computes them. At yaw = ±90° pitch and roll are not unique: roll is then 0.
    pub fn from_rotation(r: &Rotation) -> Self {
        const SINGULAR: f64 = 1e-6; // the same threshold as 6DRepNet
        let cos_yaw = r[0][0].hypot(r[1][0]);
        let yaw = (-r[2][0]).atan2(cos_yaw);
        if cos_yaw < SINGULAR {
            return Self { pitch: (-r[1][2]).atan2(r[1][1]), yaw, roll: 0.0 };
        }
        Self { pitch: r[2][1].atan2(r[2][2]), yaw, roll: r[1][0].atan2(r[0][0]) }
    }

    /// From the angles of 300W-LP and AFLW2000 labels, and of the networks trained on them (FSA-Net,
    /// 6DRepNet): yaw is positive to image left, and the order is Rx(pitch)·Ry(yaw)·Rz(roll).
    ///
    /// 6DRepNet's own matrix, Rz·Ry·Rx of such labels, is a container for the three numbers and not
    /// a rotation of the head: its signs (up, left, clockwise) fit no frame in that order.
    pub fn from_300w_lp(angles: Self) -> Self {
        let Self { pitch, yaw, roll } = angles;
        let rotation = product(&about_x(pitch), &product(&about_y(-yaw), &about_z(roll)));
        Self::from_rotation(&rotation)
    }

    /// From the angles of Intel's `head-pose-estimation-adas-0001`, whose pitch is positive down.
    pub fn from_adas(angles: Self) -> Self {
        Self { pitch: -angles.pitch, ..angles }
    }
}

/// The rotation of a 6D vector (Zhou et al. 2019, in 6DRepNet's variant): x = a/‖a‖,
/// z = x×b/‖x×b‖, y = z×x, as columns. Degenerate vectors give the zero columns 6DRepNet gives.
pub fn rotation_from_6d(v: [f64; 6]) -> Rotation {
    let x = normalized([v[0], v[1], v[2]]);
    let z = normalized(cross(x, [v[3], v[4], v[5]]));
    let y = cross(z, x);
    [[x[0], y[0], z[0]], [x[1], y[1], z[1]], [x[2], y[2], z[2]]]
}

/// The 6D vector of a rotation: its first two columns.
pub fn rotation_to_6d(r: &Rotation) -> [f64; 6] {
    [r[0][0], r[1][0], r[2][0], r[0][1], r[1][1], r[2][1]]
}

/// The angle in radians, in [0, π], of the rotation that takes `a` to `b`.
pub fn geodesic_angle(a: &Rotation, b: &Rotation) -> f64 {
    let d = product(a, &transposed(b));
    // arccos((tr − 1)/2) loses half the digits at 0 and π; the arctangent of both parts does not.
    let sine = norm([d[2][1] - d[1][2], d[0][2] - d[2][0], d[1][0] - d[0][1]]) / 2.0;
    let cosine = (d[0][0] + d[1][1] + d[2][2] - 1.0) / 2.0;
    sine.atan2(cosine)
}

/// An angle brought into [−π, π).
pub fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(2.0 * PI) - PI
}

fn about_x(angle: f64) -> Rotation {
    let (s, c) = angle.sin_cos();
    [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]]
}

fn about_y(angle: f64) -> Rotation {
    let (s, c) = angle.sin_cos();
    [[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]
}

fn about_z(angle: f64) -> Rotation {
    let (s, c) = angle.sin_cos();
    [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
}

fn product(a: &Rotation, b: &Rotation) -> Rotation {
    let entry = |row: usize, column: usize| (0..3).map(|k| a[row][k] * b[k][column]).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| entry(row, column)))
}

fn transposed(a: &Rotation) -> Rotation {
    std::array::from_fn(|row| std::array::from_fn(|column| a[column][row]))
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn norm(v: [f64; 3]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn normalized(v: [f64; 3]) -> [f64; 3] {
    let length = norm(v).max(1e-8); // 6DRepNet's guard
    v.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    use super::{Euler, geodesic_angle, rotation_from_6d, rotation_to_6d, wrapped};

    #[test]
    fn angles_survive_the_matrix_and_the_6d_vector() {
        for degrees in [[10.0, 20.0, 30.0], [-170.0, 89.0, 5.0], [0.0, -60.0, 179.0]] {
            let rotation = Euler::from_degrees(degrees).to_rotation();
            let back = rotation_from_6d(rotation_to_6d(&rotation));
            let found = Euler::from_rotation(&back).to_degrees();
            for (found, degrees) in found.iter().zip(degrees) {
                assert!((found - degrees).abs() < 1e-9, "{found} {degrees}");
            }
        }
    }

    #[test]
    fn the_axes_point_as_stated() {
        // Image axes: x right, y down, and z out of the image, where the nose of a frontal face is.
        let nose = |degrees| {
            let r = Euler::from_degrees(degrees).to_rotation();
            [r[0][2], r[1][2], r[2][2]]
        };
        assert!(nose([0.0, 30.0, 0.0])[0] > 0.4);
        assert!(nose([30.0, 0.0, 0.0])[1] < -0.4);
    }

    #[test]
    fn geodesic_angles_are_exact_near_zero_and_half_turns() {
        let at = |roll: f64| Euler { roll, ..Euler::default() }.to_rotation();
        for angle in [0.0, 1e-9, 1e-4, 1.0, 3.0, 3.13] {
            assert!((geodesic_angle(&at(0.2), &at(0.2 + angle)) - angle).abs() < 1e-12, "{angle}");
        }
        assert!((wrapped(3.5) + 2.783_185_307_179_586).abs() < 1e-12);
    }

    #[test]
    fn conventions_of_others() {
        let angles = Euler::from_degrees([10.0, 20.0, 0.0]);
        assert!((Euler::from_adas(angles).pitch + angles.pitch).abs() < 1e-12);
        // Rx(p)·Ry(y) seen as Rz·Ry·Rx has a roll; with one angle alone the orders agree.
        assert!(Euler::from_300w_lp(angles).roll.abs() > 0.01);
        let yaw_only = Euler::from_degrees([0.0, 20.0, 0.0]);
        assert!((Euler::from_300w_lp(yaw_only).yaw + yaw_only.yaw).abs() < 1e-12);
    }
}
