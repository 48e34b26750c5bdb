//! The six families of movement of the paper's test prompts (appendix A.8).

use super::error::HeadsError;

/// A motion programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Punches; gloves pass in front of the face.
    Boxing,
    /// Head shaking and dancing.
    Dancing,
    /// From the back to the camera to facing it.
    Turning,
    /// Turns on the spot; the head stays on a point, then whips round.
    Ballet,
    /// A talk: mouth, small nods, blinks.
    Speech,
    /// Dramatic changes of expression and pose.
    Expressions,
}

impl Family {
    /// All six, in the paper's order.
    pub const ALL: [Self; 6] =
        [Self::Boxing, Self::Dancing, Self::Turning, Self::Ballet, Self::Speech, Self::Expressions];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boxing => "boxing",
            Self::Dancing => "dancing",
            Self::Turning => "turning",
            Self::Ballet => "ballet",
            Self::Speech => "speech",
            Self::Expressions => "expressions",
        }
    }

    /// The family of this name.
    pub fn parse(name: &str) -> Result<Self, HeadsError> {
        Self::ALL.into_iter().find(|family| family.name() == name).ok_or(HeadsError::Spec {
            field: "family",
            found: format!("`{name}`"),
            wanted: "`boxing`, `dancing`, `turning`, `ballet`, `speech` or `expressions`",
        })
    }

    /// Places it is set in, as numbers of `backdrop::PLACES`; the usual one comes first.
    pub(crate) fn places(self) -> &'static [usize] {
        match self {
            Self::Boxing => &[1, 1, 5, 2, 4],
            Self::Dancing => &[3, 5, 4, 7, 2],
            Self::Turning => &[2, 5, 0, 8, 4],
            Self::Ballet => &[7, 7, 3],
            Self::Speech => &[3, 6, 0, 6],
            Self::Expressions => &[0, 4, 8, 6, 2],
        }
    }

    /// What the person does, for captions; `right` when the head turns to image right first. Words
    /// name the side where it decides what is seen.
    pub(crate) fn deed(self, right: bool) -> String {
        let side = if right { "right" } else { "left" };
        match self {
            Self::Boxing => "is engaged in a boxing routine, throwing punches while the gloves \
                             pass in front of the face"
                .to_owned(),
            Self::Dancing => "is dancing and shaking the head from side to side".to_owned(),
            Self::Turning => format!(
                "stands with the back to the camera and turns around over the {side} to face it"
            ),
            Self::Ballet => format!("performs ballet turns, spinning to the {side}"),
            Self::Speech => "is giving a speech, talking and nodding slightly".to_owned(),
            Self::Expressions => "changes facial expression and pose dramatically".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn names_are_read_back() {
        for family in Family::ALL {
            assert_eq!(Family::parse(family.name()).ok(), Some(family));
        }
        let error = Family::parse("skating").expect_err("no such family").to_string();
        assert!(error.starts_with("`family` is `skating`"), "{error}");
    }
}
