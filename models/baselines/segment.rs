//! Reference tokens beside the video's, as data.

use serde::{Deserialize, Serialize};

use super::Offset;

/// Clean reference latents that go through the blocks beside the video. Patch embedding, norms,
/// projections and feed-forward are the video's; what may differ is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentSpec {
    /// What others call it by in `attends_to`.
    pub name: String,
    /// Which references, counted from 0, one after the other in time; empty is all of them.
    pub references: Vec<usize>,
    /// Where its first token lies along time, height and width, on the video's token grid.
    pub offset: [Offset; 3],
    /// A timestep of its own in [0, 1000]; without one, the video's.
    pub timestep: Option<f64>,
    /// The set of modulation weights, by its name; without one, the video's.
    pub modulation: Option<String>,
    /// Whether it takes part in cross-attention.
    pub sees_text: bool,
    /// What its queries see: `video`, `self` and names of segments; empty is everything. The video
    /// sees everything.
    pub attends_to: Vec<String>,
    /// Whether it counts as noisy: it receives S where the video does, and gets a velocity.
    pub noisy: bool,
    /// The adapters on its tokens, by their name; without one, none.
    pub adapter: Option<String>,
    /// What is done with its keys and values while sampling.
    pub keys: Keys,
}

/// What is done with a segment's keys and values from one pass to the next. Only a segment with a
/// timestep of its own that sees neither text nor others has the same ones in every pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// Computed in every pass.
    #[default]
    Fresh,
    /// Computed once for each generation.
    Remembered,
    /// As [`Keys::Remembered`], and a later generation without references goes on using them, as
    /// Stand-In's released code does: its cache is never cleared.
    Kept,
}

impl Default for SegmentSpec {
    fn default() -> Self {
        Self {
            name: "reference".into(),
            references: vec![],
            offset: [Offset::default(); 3],
            timestep: None,
            modulation: None,
            sees_text: true,
            attends_to: vec![],
            noisy: false,
            adapter: None,
            keys: Keys::Fresh,
        }
    }
}

impl SegmentSpec {
    /// Whether its tokens depend on nothing but themselves.
    pub fn stands_alone(&self) -> bool {
        self.timestep.is_some() && !self.sees_text && !self.noisy && self.sees_itself_alone()
    }

    pub(super) fn sees_itself_alone(&self) -> bool {
        matches!(self.attends_to.as_slice(), [one] if one == "self" || *one == self.name)
    }
}
