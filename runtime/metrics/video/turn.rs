//! Whether a clip turns the way it was asked to.

use ffrun_models::rotation::Euler;

use super::pose_error::asked_and_seen;
use crate::metrics::movement::Side;
use crate::metrics::observation::ClipSeen;

/// A head that is asked to turn by less has no direction to get wrong, degrees.
const LEAST_TURN_DEG: f64 = 20.0;
/// Where only a side is asked, what counts as a turn, degrees: more than pose networks err by.
const LEAST_SEEN_DEG: f64 = 10.0;

/// Of asked angles: 1 when the direction of the nose follows them (their covariance over the frames
/// that show a face is above 0). Of an asked side: 1 when the straight line through the directions
/// rises by 10° to that side over those frames. 0 when the head stands still or turns the other way;
/// `None` without a turn to follow, or with fewer than two frames of it.
pub fn turns_as_asked(clip: &ClipSeen) -> Option<f64> {
    if let Some(side) = clip.asked_side {
        return turned_deg(clip, side).map(|deg| f64::from(u8::from(deg >= LEAST_SEEN_DEG)));
    }
    let (asked, seen): (Vec<f64>, Vec<f64>) =
        asked_and_seen(clip).map(|(asked, seen)| (heading_deg(asked), heading_deg(seen))).unzip();
    let (asked, seen) = (unwrapped(asked), unwrapped(seen));
    let range = asked.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - asked.iter().copied().fold(f64::INFINITY, f64::min);
    if asked.len() < 2 || range < LEAST_TURN_DEG {
        return None;
    }
    Some(f64::from(u8::from(covariance(&asked, &seen) > 0.0)))
}

/// By how many degrees the nose moved to a side, from the first frame with a face to the last, along
/// the straight line that fits best.
fn turned_deg(clip: &ClipSeen, side: Side) -> Option<f64> {
    let towards = |pose| match side {
        Side::Right => heading_deg(pose),
        Side::Left => -heading_deg(pose),
        Side::Up => elevation_deg(pose),
        Side::Down => -elevation_deg(pose),
    };
    let seen = clip.frames.iter().filter_map(|frame| {
        Some((frame.frame as f64, towards(frame.face.as_ref()?.pitch_yaw_roll_deg?)))
    });
    let (places, angles): (Vec<f64>, Vec<f64>) = seen.unzip();
    let angles = unwrapped(angles);
    let span = places.last()? - places.first()?;
    let variance = covariance(&places, &places);
    (variance > 0.0).then(|| covariance(&places, &angles) / variance * span)
}

/// Sum of the products of deviations from the means.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let middle = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_a, of_b) = (middle(a), middle(b));
    a.iter().zip(b).map(|(a, b)| (a - of_a) * (b - of_b)).sum()
}

/// How far the nose points above the horizontal plane.
fn elevation_deg(pitch_yaw_roll_deg: [f64; 3]) -> f64 {
    let rotation = Euler::from_degrees(pitch_yaw_roll_deg).to_rotation();
    (-rotation[1][2]).atan2(rotation[0][2].hypot(rotation[2][2])).to_degrees()
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
    use crate::metrics::movement::Side;
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
    fn a_side_is_followed_by_ten_degrees_along_the_line() {
        let toward = |side, poses: &[[f64; 3]]| {
            let mut clip = turning(&[], &vec![0.0; poses.len()]);
            clip.asked_side = Some(side);
            for (frame, pose) in clip.frames.iter_mut().zip(poses) {
                frame.face.as_mut().unwrap().pitch_yaw_roll_deg = Some(*pose);
            }
            turns_as_asked(&clip)
        };
        let right = [[0.0, -10.0, 0.0], [0.0, 5.0, 0.0], [0.0, 30.0, 0.0]];
        assert_eq!(toward(Side::Right, &right), Some(1.0));
        assert_eq!(toward(Side::Left, &right), Some(0.0));
        assert_eq!(toward(Side::Up, &right), Some(0.0));
        let up = [[-5.0, 0.0, 0.0], [10.0, 0.0, 0.0]];
        assert_eq!((toward(Side::Up, &up), toward(Side::Down, &up)), (Some(1.0), Some(0.0)));
        // A head that trembles has turned to no side.
        let still = [[0.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, -3.0, 0.0], [0.0, 6.0, 0.0]];
        assert_eq!(
            (toward(Side::Right, &still), toward(Side::Left, &still)),
            (Some(0.0), Some(0.0))
        );
        assert_eq!(toward(Side::Right, &right[..1]), None);
    }

    #[test]
    fn a_head_that_should_hold_still_is_not_judged() {
        assert_eq!(turns_as_asked(&turning(&[0., 10., 19.], &[0., 50., 90.])), None);
        assert_eq!(turns_as_asked(&turning(&[0.], &[0.])), None);
        assert_eq!(turns_as_asked(&ClipSeen::default()), None);
    }
}
