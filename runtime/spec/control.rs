//! The spec of what a control puts in the place of S.

use serde::{Deserialize, Serialize};

/// A vector that enters where S would, without an aligner and without L_PIA (METHOD §5.3): what it
/// brings is what S must exceed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlSpec {
    /// Where it comes from: `euler`, an embedding of the reference's angles alone, trained by the
    /// generator's loss; `random`, a vector drawn for each person, the same for all pictures of them;
    /// `recogniser`, what the in-world ArcFace recogniser makes of the reference.
    pub source: String,
    /// Values of the vector; 0 for a recogniser, which has a width of its own.
    pub width: usize,
}
