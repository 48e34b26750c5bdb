//! Whose rules decide the edge cases: frames sampled, clips without a face, colours.

use serde::{Deserialize, Serialize};

/// A set of rules. The two of the field reproduce its scripts' numbers, traps included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// ffrun's own: nothing is dropped in silence, no trap is rewarded.
    #[default]
    Ffrun,
    /// ConsisID's `get_facesim_fid.py` and `get_clipscore.py`.
    ConsisId,
    /// OpenS2V-Nexus's `get_facesim.py`, which has neither "FID" nor CLIPScore.
    OpenS2v,
}

/// What becomes of a clip whose reference shows no face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutReference {
    /// A row that says why.
    ErrorRow,
    /// The script returns nothing, and what called it breaks.
    Stops,
    /// The pair is left out.
    Skipped,
}

impl Rules {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ffrun, Self::ConsisId, Self::OpenS2v];

    /// The name that users give.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffrun => "ffrun",
            Self::ConsisId => "consisid",
            Self::OpenS2v => "opens2v",
        }
    }

    /// The rules of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rules| rules.name() == name)
    }

    /// How many frames of a clip are sampled.
    pub fn frames(self) -> usize {
        match self {
            Self::Ffrun | Self::ConsisId => 16,
            Self::OpenS2v => 32,
        }
    }

    /// The frames that faces are looked for in, of a clip of `count`: `sampled` ones (usually
    /// [`Self::frames`]) evenly from the first to the last, rounded down. The scripts take a frame
    /// of a short clip several times; ffrun takes each once.
    pub fn face_frames(self, count: usize, sampled: usize) -> Vec<usize> {
        let last = count.saturating_sub(1) as f64;
        let step = last / sampled.saturating_sub(1).max(1) as f64;
        // numpy.linspace puts the end exactly.
        let place = |at: usize| if at > 0 && at + 1 == sampled { last } else { at as f64 * step };
        let frames = if count == 0 { 0 } else { sampled };
        let mut places: Vec<usize> = (0..frames).map(|at| place(at) as usize).collect();
        if self == Self::Ffrun {
            places.dedup();
        }
        places
    }

    /// The frames that are compared with the prompt: ConsisID's script takes ⌊i·N/16⌋, which never
    /// reaches the last; the others take those of the faces.
    pub fn text_frames(self, count: usize, sampled: usize) -> Vec<usize> {
        match self {
            Self::ConsisId if count > 0 => (0..sampled).map(|at| at * count / sampled).collect(),
            _ => self.face_frames(count, sampled),
        }
    }

    /// Whether prompts are compared with frames whose red and blue are exchanged, as OpenCV gives
    /// them to ConsisID's script.
    pub fn text_in_bgr(self) -> bool {
        self == Self::ConsisId
    }

    /// What becomes of a clip whose reference shows no face.
    pub fn without_reference(self) -> WithoutReference {
        match self {
            Self::Ffrun => WithoutReference::ErrorRow,
            Self::ConsisId => WithoutReference::Stops,
            Self::OpenS2v => WithoutReference::Skipped,
        }
    }

    /// Whether a clip with unreadable frames is measured by the rest of them.
    pub fn goes_on_with_fewer_frames(self) -> bool {
        self != Self::Ffrun
    }
}

#[cfg(test)]
mod tests {
    use super::Rules;

    #[test]
    fn frames_are_sampled_as_numpy_does() {
        // np.linspace(0, 80, 16).astype(int)
        let expected = [0, 5, 10, 16, 21, 26, 32, 37, 42, 48, 53, 58, 64, 69, 74, 80];
        assert_eq!(Rules::ConsisId.face_frames(81, 16), expected);
        assert_eq!(Rules::Ffrun.face_frames(81, 16), expected);
        assert_eq!(Rules::OpenS2v.frames(), 32);
        let many = Rules::OpenS2v.face_frames(81, 32);
        assert_eq!((many.len(), many[1], many[31]), (32, 2, 80));
    }

    #[test]
    fn a_short_clip_repeats_frames_in_the_scripts_only() {
        // np.linspace(0, 3, 16).astype(int)
        let repeated = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3];
        assert_eq!(Rules::ConsisId.face_frames(4, 16), repeated);
        assert_eq!(Rules::Ffrun.face_frames(4, 16), [0, 1, 2, 3]);
        assert_eq!(Rules::Ffrun.face_frames(1, 16), [0]);
        assert_eq!(Rules::Ffrun.face_frames(0, 16), [0; 0]);
        assert_eq!(Rules::Ffrun.face_frames(9, 1), [0]);
    }

    #[test]
    fn consisid_never_compares_the_last_frame_with_the_prompt() {
        let frames = Rules::ConsisId.text_frames(81, 16);
        assert_eq!((frames[0], frames[1], frames[15]), (0, 5, 75));
        assert_eq!(Rules::Ffrun.text_frames(81, 16), Rules::Ffrun.face_frames(81, 16));
        assert_eq!(Rules::ConsisId.text_frames(0, 16), [0; 0]);
    }

    #[test]
    fn rules_are_found_by_name() {
        assert!(Rules::ALL.into_iter().all(|rules| Rules::parse(rules.name()) == Some(rules)));
        assert_eq!(Rules::parse("ConsisID"), None);
    }
}
