//! Networks of cases that ffrun does not have, and why. Naming them here is what lets a case of any
//! other unknown kind fail.

use super::case::Case;

/// Tells from its content whether a case is of a kind.
type Recognises = fn(&Case) -> bool;

/// Name and recogniser of each.
const KINDS: &[(&str, Recognises)] = &[
    // Its reference runs on Wan's blocks here; its rotary table has a case of its own.
    ("HunyuanCustom's own MM-DiT", |case| case.has("/config", "depth_double_blocks")),
];

/// The name of the kind that a case is of, if it is one of these.
pub(super) fn kind_of(case: &Case) -> Option<&'static str> {
    KINDS.iter().find(|(_, recognises)| recognises(case)).map(|(name, _)| *name)
}
