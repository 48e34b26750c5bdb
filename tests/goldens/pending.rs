//! Kinds of cases that we know and cannot run yet: the conditioning of the open baselines. Naming
//! them here is what lets a case of any other unknown kind fail.

use super::case::Case;

/// Tells from its content whether a case is of a kind.
type Recognises = fn(&Case) -> bool;

/// Name and recogniser of each.
const KINDS: &[(&str, Recognises)] = &[
    ("SkyReels-A2 condition", |case| case.has("/inputs", "photo_tall_62x41")),
    ("SkyReels-A2", |case| case.has("/config", "num_frames") && case.has("/inputs", "clip0")),
    ("ConsisID", |case| case.has("/config", "LFE_depth")),
    ("HunyuanCustom", |case| case.has("/config", "depth_double_blocks")),
    ("HunyuanCustom rotary", |case| case.outputs().any(|name| name.contains(".timecat"))),
    ("MAGREF condition", |case| case.has("/inputs", "ref_image0") && case.has("/inputs", "rgba")),
    ("Phantom", |case| case.has("/config", "guide_scale_img")),
];

/// The name of the kind that a case is of, if it is one of these.
pub(super) fn kind_of(case: &Case) -> Option<&'static str> {
    KINDS.iter().find(|(_, recognises)| recognises(case)).map(|(name, _)| *name)
}
