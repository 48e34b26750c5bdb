//! Whether a clip turns the way it was asked to.

use ffrun_models::rotation::Euler;

use super::pose_error::asked_and_seen;
use crate::metrics::observation::ClipSeen;

/// A head that is asked to turn by less has no direction to get wrong, degrees.
const LEAST_TURN_DEG: f64 = 20.0;

/// 1 when the direction of the nose follows the asked one (their covariance over the frames that
/// show a face is above 0), 0 when it stands still or turns the other way; `None` without a turn to
/// follow, or with fewer than two frames of it.
pub fn turns_as_asked(clip: &ClipSeen) -> Option<f64> {
    let (asked, seen): (Vec<f64>, Vec<f64>) =
        asked_and_seen(clip).map(|(asked, seen)| (heading_deg(asked), heading_deg(seen))).unzip();
    let (asked, seen) = (unwrapped(asked), unwrapped(seen));
    let range = asked.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - asked.iter().copied().fold(f64::INFINITY, f64::min);
    if asked.len() < 2 || range < LEAST_TURN_DEG {
        return None;
    }
    let middle = |angles: &[f64]| angles.iter().sum::<f64>() / angles.len() as f64;
    let (of_asked, of_seen) = (middle(&asked), middle(&seen));
    let covariance: f64 =
        asked.iter().zip(&seen).map(|(asked, seen)| (asked - of_asked) * (seen - of_seen)).sum();
    Some(f64::from(u8::from(covariance > 0.0)))
}

/// Where the nose points to in the horizontal plane: 0 at the camera, 90 at image right, ±180 away.
/// Unlike yaw it goes on past a quarter turn.
fn heading_deg(pitch_yaw_roll_deg: [f64; 3]) -> f64 {
    let rotation = Euler::from_degrees(pitch_yaw_roll_deg).to_rotation();
    rotation[0][2].atan2(rotation[2][2]).to_degrees()
}

/// The same angles without jumps by a whole turn.
fn unwrapped(mut angles: Vec<f64>) -> Vec<f64> {
    for at in 1..angles.len() {
        let turns = ((angles[at] - angles[at - 1]) / 360.0).round();
        angles[at] -= 360.0 * turns;
    }
    angles
}

#[cfg(test)]
mod tests {
    use super::turns_as_asked;
    use crate::metrics::observation::ClipSeen;
    use crate::metrics::video::made_up::clip;

    fn turning(asked: &[f64], seen: &[f64]) -> ClipSeen {
        let mut turning = clip("ann", &vec![Some(1.0); seen.len()]);
        turning.asked_deg = asked.iter().map(|yaw| [0.0, *yaw, 0.0]).collect();
        for (frame, yaw) in turning.frames.iter_mut().zip(seen) {
            frame.face.as_mut().unwrap().pitch_yaw_roll_deg = Some([0.0, *yaw, 0.0]);
        }
        turning
    }

    #[test]
    fn the_side_and_not_the_size_of_a_turn_counts() {
        assert_eq!(turns_as_asked(&turning(&[0., 30., 60.], &[0., 5., 9.])), Some(1.0));
        assert_eq!(turns_as_asked(&turning(&[0., 30., 60.], &[0., -30., -60.])), Some(0.0));
        assert_eq!(turns_as_asked(&turning(&[0., 30., 60.], &[5., 5., 5.])), Some(0.0));
        assert_eq!(
            turns_as_asked(&turning(&[-40., 40., -40., 40.], &[-9., 8., -7., 9.])),
            Some(1.0)
        );
    }

    #[test]
    fn turns_through_the_back_are_followed() {
        assert_eq!(turns_as_asked(&turning(&[150., 180., 210.], &[160., -170., -150.])), Some(1.0));
    }

    #[test]
    fn a_head_that_should_hold_still_is_not_judged() {
        assert_eq!(turns_as_asked(&turning(&[0., 10., 19.], &[0., 50., 90.])), None);
        assert_eq!(turns_as_asked(&turning(&[0.], &[0.])), None);
        assert_eq!(turns_as_asked(&ClipSeen::default()), None);
    }
}
