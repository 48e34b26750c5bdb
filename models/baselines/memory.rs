//! Keys and values of references, kept from one pass and one step to the next.

use std::collections::BTreeMap;

use super::pass::Presence;
use super::segment::{Keys, SegmentSpec};
use crate::wan::Remembered;

/// What is remembered of a generation. Each has its own, unless the mechanism keeps keys beyond it
/// ([`Keys::Kept`]).
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<(String, Presence), Remembered>);

impl Memory {
    /// Forgets what must not outlive a generation: everything, but for kept keys where the next
    /// one brings no references.
    pub fn begin(&mut self, segments: &[SegmentSpec], brings_references: bool) {
        let kept = |name: &str| {
            segments.iter().any(|segment| segment.name == name && segment.keys == Keys::Kept)
        };
        self.0.retain(|(name, _), _| !brings_references && kept(name));
    }

    pub(super) fn get(&self, segment: &str, presence: Presence) -> Option<&Remembered> {
        self.0.get(&(segment.to_owned(), presence))
    }

    pub(super) fn put(&mut self, segment: &str, presence: Presence, found: Remembered) {
        self.0.insert((segment.to_owned(), presence), found);
    }
}
