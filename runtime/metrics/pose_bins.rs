//! The five poses of the paper's Fig. 7.

/// A pose as ranges of Euler angles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseBin {
    /// What the paper calls it.
    pub name: &'static str,
    /// Bounds of pitch, yaw and roll in degrees, both outside the range.
    bounds_deg: [(f32, f32); 3],
}

const STRAIGHT: (f32, f32) = (-25.0, 25.0);

/// Fig. 7 in ffrun's signs. Its yaw is 6DRepNet's, which is positive to image left: the paper's
/// "profile (left)", yaw +30° to +90°, is −90° to −30° here.
pub const POSE_BINS: [PoseBin; 5] = [
    PoseBin { name: "frontal", bounds_deg: [STRAIGHT, STRAIGHT, STRAIGHT] },
    PoseBin { name: "profile left", bounds_deg: [STRAIGHT, (-90.0, -30.0), STRAIGHT] },
    PoseBin { name: "profile right", bounds_deg: [STRAIGHT, (30.0, 90.0), STRAIGHT] },
    PoseBin { name: "upward", bounds_deg: [(30.0, 90.0), STRAIGHT, STRAIGHT] },
    PoseBin { name: "downward", bounds_deg: [(-90.0, -30.0), STRAIGHT, STRAIGHT] },
];

impl PoseBin {
    /// Whether a pitch, yaw and roll in degrees lie in it.
    pub fn holds(&self, pose_deg: [f32; 3]) -> bool {
        let inside = |(angle, (low, high)): (f32, &(f32, f32))| angle > *low && angle < *high;
        pose_deg.into_iter().zip(&self.bounds_deg).all(inside)
    }

    /// Number in [`POSE_BINS`] of the pose that these angles lie in; many lie in none.
    pub fn of(pose_deg: [f32; 3]) -> Option<usize> {
        POSE_BINS.iter().position(|bin| bin.holds(pose_deg))
    }

    /// `yaw 30° to 90°`, or that all angles are small.
    pub fn words(&self) -> String {
        let names = ["pitch", "yaw", "roll"];
        let told = names.into_iter().zip(self.bounds_deg).find(|(_, bounds)| *bounds != STRAIGHT);
        let told = told.map(|(name, (low, high))| format!("{name} {low}° to {high}°"));
        told.unwrap_or_else(|| "all angles within ±25°".to_owned()).replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::{POSE_BINS, PoseBin};

    #[test]
    fn poses_fall_into_the_bins_of_the_figure() {
        let name = |pitch: f32, yaw: f32, roll: f32| {
            PoseBin::of([pitch, yaw, roll]).map(|bin| POSE_BINS[bin].name)
        };
        assert_eq!(name(0.0, 0.0, 24.0), Some("frontal"));
        assert_eq!(name(10.0, -60.0, 0.0), Some("profile left"));
        assert_eq!(name(10.0, 60.0, 0.0), Some("profile right"));
        assert_eq!(name(40.0, 0.0, 0.0), Some("upward"));
        assert_eq!(name(-40.0, 20.0, 0.0), Some("downward"));
        assert_eq!(name(0.0, 28.0, 0.0), None, "between frontal and profile");
        assert_eq!(name(40.0, 60.0, 0.0), None);
        assert_eq!(POSE_BINS[1].words(), "yaw −90° to −30°");
    }
}
