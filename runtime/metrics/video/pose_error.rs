//! How far the heads of a clip are from the poses that were asked for.

use ffrun_models::rotation::{Euler, geodesic_angle};

use super::facesim::mean;
use crate::metrics::observation::ClipSeen;

/// Mean angle of the rotation between asked and seen pose in degrees, lower is better, over frames
/// with a face and an asked pose (the geodesic distance that 6DRepNet is trained by).
pub fn pose_error(clip: &ClipSeen) -> Option<f64> {
    let rotation = |angles: [f64; 3]| Euler::from_degrees(angles).to_rotation();
    mean(
        asked_and_seen(clip)
            .map(|(asked, seen)| geodesic_angle(&rotation(asked), &rotation(seen)).to_degrees()),
    )
}

/// Asked and seen pitch, yaw and roll in degrees of the frames that have both.
pub(super) fn asked_and_seen(clip: &ClipSeen) -> impl Iterator<Item = ([f64; 3], [f64; 3])> {
    clip.asked_deg
        .iter()
        .zip(&clip.frames)
        .filter_map(|(asked, frame)| Some((*asked, frame.face.as_ref()?.pitch_yaw_roll_deg?)))
}

#[cfg(test)]
mod tests {
    use super::pose_error;
    use crate::metrics::video::made_up::clip;

    #[test]
    fn it_is_the_angle_of_the_rotation_between() {
        let mut turned = clip("ann", &[Some(1.0), Some(1.0), None]);
        turned.asked_deg = vec![[0.0, 30.0, 0.0], [0.0, 0.0, 10.0], [0.0, 80.0, 0.0]];
        for (frame, seen) in turned.frames.iter_mut().zip([[0.0, 10.0, 0.0], [0.0, 0.0, -20.0]]) {
            frame.face.as_mut().unwrap().pitch_yaw_roll_deg = Some(seen);
        }
        assert!((pose_error(&turned).unwrap() - 25.0).abs() < 1e-6);
        // Past a quarter turn the same pose has other angles: (180, 30, 180) is yaw 150.
        turned.asked_deg = vec![[0.0, 150.0, 0.0]];
        turned.frames[0].face.as_mut().unwrap().pitch_yaw_roll_deg = Some([180.0, 30.0, 180.0]);
        assert!(pose_error(&turned).unwrap() < 1e-5);
        turned.asked_deg.clear();
        assert_eq!(pose_error(&turned), None);
    }
}
