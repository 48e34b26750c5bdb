//! The movement that a clip's head was asked for.

/// A turn to a side, or from one angle to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Movement {
    /// To this side, however far.
    Turn(Side),
    /// From one yaw to another, evenly over the clip, level otherwise.
    Yaw {
        /// Degrees at the first frame, > 0 = nose to image right.
        from_deg: f64,
        /// Degrees at the last frame.
        to_deg: f64,
    },
}

/// Where a nose moves to, as who looks at the image sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To image left.
    Left,
    /// To image right.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl Side {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];

    /// The name that users give.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// The side of a name, capital letters or not.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.name().eq_ignore_ascii_case(name))
    }
}

impl Movement {
    /// The side, where no angle is asked.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Turn(side) => Some(side),
            Self::Yaw { .. } => None,
        }
    }

    /// Pitch, yaw and roll in degrees at these places of a clip of `frames`; empty where only a side
    /// is asked.
    pub fn poses_deg(self, places: impl Iterator<Item = usize>, frames: usize) -> Vec<[f64; 3]> {
        let Self::Yaw { from_deg, to_deg } = self else { return Vec::new() };
        let last = frames.saturating_sub(1).max(1) as f64;
        let yaw = |place: usize| from_deg + (to_deg - from_deg) * place as f64 / last;
        places.map(|place| [0.0, yaw(place), 0.0]).collect()
    }
}

impl std::fmt::Display for Movement {
    /// `left`, or `yaw -30 to 45`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Turn(side) => f.write_str(side.name()),
            Self::Yaw { from_deg, to_deg } => write!(f, "yaw {from_deg} to {to_deg}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Movement, Side};

    #[test]
    fn yaw_moves_evenly_from_the_first_frame_to_the_last() {
        let turn = Movement::Yaw { from_deg: -40.0, to_deg: 40.0 };
        let poses = turn.poses_deg([0, 20, 80].into_iter(), 81);
        assert_eq!(poses, [[0.0, -40.0, 0.0], [0.0, -20.0, 0.0], [0.0, 40.0, 0.0]]);
        assert_eq!(turn.poses_deg([0].into_iter(), 1), [[0.0, -40.0, 0.0]]);
        assert_eq!((turn.side(), turn.to_string()), (None, "yaw -40 to 40".to_owned()));
    }

    #[test]
    fn a_side_asks_for_no_angle() {
        let up = Movement::Turn(Side::Up);
        assert_eq!(up.poses_deg([0, 1].into_iter(), 2), Vec::<[f64; 3]>::new());
        assert_eq!((up.side(), up.to_string()), (Some(Side::Up), "up".to_owned()));
        assert!(Side::ALL.into_iter().all(|side| Side::parse(side.name()) == Some(side)));
        assert_eq!((Side::parse("LEFT"), Side::parse("upwards")), (Some(Side::Left), None));
    }
}
