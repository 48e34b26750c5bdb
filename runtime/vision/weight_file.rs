//! Files of weights under the names that cards give their tensors.

use ffrun_models::params::Params;
use ffrun_models::weights::{WeightFiles, load_into};

use super::error::VisionResult;
use super::shelf::Installed;

/// Fills the parameters from a network's file; tensors that begin with one of `leave` may be left
/// over.
pub(super) fn load(params: &Params, installed: &Installed, leave: &[&str]) -> VisionResult<()> {
    let keys = &installed.card.keys;
    let renamed = |name: &str| {
        let replaced = |(from, to): (&String, &String)| {
            Some(format!("{to}{}", name.strip_prefix(from.as_str())?))
        };
        keys.iter().find_map(replaced)
    };
    let files = WeightFiles::open(&installed.path)?.renamed(renamed)?;
    Ok(load_into(params, &files, leave)?)
}
