//! Public checkpoints of the methods in [`crate::baselines`].

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;

use super::{Family, KeyReport, LoraWeights, WeightError, WeightFiles, WeightResult, load_into};
use crate::params::{Param, Params};

/// Loads a transformer that a method was published as: Phantom, VACE, Concat-ID (both stages) and
/// MAGREF in the names of Wan's authors, SkyReels-A2 in those of diffusers. `network` has the sizes
/// of [`crate::baselines::Mechanism::network`].
///
/// # Errors
/// As [`load_into`], with the account of all names that do not fit.
pub fn load_published(network: &Params, path: &Path) -> WeightResult<()> {
    load_into(network, &WeightFiles::open(path)?.in_original_names(Family::Wan)?, &[])
}

/// Loads adapters that a method was published as (Stand-In: `blocks.0.self_attn.q_loras.down`), in
/// any public style, into those that a [`crate::baselines::Method`] has declared under `adapter`.
///
/// # Errors
/// As [`LoraWeights::read`], and [`WeightError::Keys`] unless all names and shapes agree; nothing is
/// changed then.
pub fn load_published_adapters(own: &Params, adapter: &str, path: &Path) -> WeightResult<()> {
    let prefix = format!("{adapter}.");
    let found = LoraWeights::read(path, own.device())?.to_map();
    let named = found.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value));
    let found: BTreeMap<String, Tensor> = named.collect();
    let declared = || own.iter().filter(|param| param.name().starts_with(&prefix));
    let report = KeyReport::compare(
        declared().map(|param: &Param| (param.name(), param.var().dims())),
        found.iter().map(|(name, value)| (name.as_str(), value.dims())),
    );
    if !report.fits() {
        return Err(WeightError::Keys { path: path.to_owned(), report: Box::new(report) });
    }
    for param in declared() {
        if let Some(value) = found.get(param.name()) {
            let set = param.var().set(value);
            set.map_err(|error| WeightError::Lora {
                path: path.to_owned(),
                reason: format!("`{}` cannot be set: {error}", param.name()),
            })?;
        }
    }
    Ok(())
}
