//! The fixed grid of poses for measurements.

use super::pose::Pose;

/// Poses of the grid, frontal first, then further and further out, so that the first n of them are
/// a smaller grid: yaw 0, ±15, … ±75 at pitch 0, then pitch ±30 at yaw 0, then at yaw ±45.
/// Degrees; roll is 0.
pub fn pose_grid() -> Vec<Pose> {
    let mut poses = vec![Pose::default()];
    for step in 1..=5i16 {
        let yaw = 15.0 * f32::from(step);
        poses.extend([Pose::new(yaw, 0.0, 0.0), Pose::new(-yaw, 0.0, 0.0)]);
    }
    for yaw in [0.0, 45.0, -45.0] {
        poses.extend([Pose::new(yaw, 30.0, 0.0), Pose::new(yaw, -30.0, 0.0)]);
    }
    poses
}

#[cfg(test)]
mod tests {
    use super::pose_grid;

    #[test]
    fn the_grid_is_symmetric_and_has_no_pose_twice() {
        let poses = pose_grid();
        assert_eq!(poses.len(), 17);
        for (index, pose) in poses.iter().enumerate() {
            assert!(
                poses.iter().any(
                    |other| other.yaw_deg == -pose.yaw_deg && other.pitch_deg == pose.pitch_deg
                )
            );
            assert!(poses.iter().skip(index + 1).all(|other| other != pose));
        }
    }
}
