//! How much a head turns during a clip: the paper's measure (Eq. 8) and a robust one.

use crate::rotation::{Euler, Rotation, geodesic_angle};

/// The paper keeps clips whose variation is above this, in degrees.
pub const THRESHOLD_DEG: f64 = 120.0;

/// Eq. 8 in degrees: the ranges of pitch, yaw and roll, summed. 0 for no frames.
///
/// A still head near profile scores hundreds of degrees: past yaw 90° pitch and roll jump by 180°
/// with any noise. [`var_geodesic_deg`] does not.
pub fn var_paper_deg(track: &[Euler]) -> f64 {
    (0..3).map(|axis| range(track.iter().map(|euler| euler.to_degrees()[axis]))).sum()
}

/// Whether a variation passes the paper's filter. Exactly 120° is in neither of its sets; it is
/// counted as not passing.
pub fn qualifies(var_deg: f64) -> bool {
    var_deg > THRESHOLD_DEG
}

/// The 95th percentile of the rotation angles between all pairs of frames, in degrees, in [0, 180].
/// Blind to the jumps of Euler angles and to a few bad frames. 0 for fewer than two frames.
pub fn var_geodesic_deg(track: &[Euler]) -> f64 {
    let rotations: Vec<Rotation> = track.iter().map(|euler| euler.to_rotation()).collect();
    let mut angles: Vec<f64> = rotations
        .iter()
        .enumerate()
        .flat_map(|(at, a)| rotations[at + 1..].iter().map(move |b| geodesic_angle(a, b)))
        .collect();
    angles.sort_by(f64::total_cmp);
    percentile(&angles, 0.95).to_degrees()
}

/// Linear interpolation between order statistics (numpy's default).
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

fn range(values: impl Iterator<Item = f64>) -> f64 {
    let ends = values.fold(None, |ends: Option<(f64, f64)>, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    ends.map_or(0.0, |(low, high)| high - low)
}

#[cfg(test)]
mod tests {
    use super::{qualifies, var_geodesic_deg, var_paper_deg};
    use crate::rotation::Euler;
    use crate::stream::Stream;

    #[test]
    fn no_frames_have_no_variation() {
        assert_eq!((var_paper_deg(&[]), var_geodesic_deg(&[])), (0.0, 0.0));
    }

    #[test]
    fn a_still_profile_fools_the_paper_and_not_the_geodesic() {
        let mut stream = Stream::new(1, "test/profile", 0);
        let still: Vec<Euler> = (0..81)
            .map(|_| {
                let noise: [f64; 3] = std::array::from_fn(|_| 3.0 * f64::from(stream.normal()));
                let [pitch, yaw, roll] = noise;
                let noisy = Euler::from_degrees([pitch, 88.0 + yaw, roll]);
                Euler::from_rotation(&noisy.to_rotation()) // as an estimator reports it
            })
            .collect();
        assert!(qualifies(var_paper_deg(&still)));
        assert!(var_geodesic_deg(&still) < 20.0);
    }

    #[test]
    fn a_turning_head_counts_in_both() {
        let turn: Vec<Euler> =
            (0..81).map(|i| Euler::from_degrees([0.0, f64::from(i) * 2.0 - 80.0, 0.0])).collect();
        assert!(var_geodesic_deg(&turn) > 110.0 && qualifies(var_paper_deg(&turn)));
    }
}
