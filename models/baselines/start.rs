//! Weights that a mechanism's network starts with, made from those of its base.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use crate::params::{Param, Params};
use crate::wan::base_of_named_modulation;

/// The values to load into `network`, so that it gives at first what the base gives wherever the
/// mechanism allows it: the base's values by name; zeros for input channels it lacks; copies of
/// its modulation for named sets; values of image keys that are zero. What else is new keeps its
/// initial value. Parameters that only the base has are left out.
///
/// # Errors
/// When memory runs out.
pub fn starting_weights(
    base: &BTreeMap<String, Tensor>,
    network: &Params,
) -> Result<BTreeMap<String, Tensor>> {
    let value = |param: &Param| Ok((param.name().to_owned(), start(base, param)?));
    network.iter().map(value).collect()
}

fn start(base: &BTreeMap<String, Tensor>, param: &Param) -> Result<Tensor> {
    let (name, initial) = (param.name(), param.var().as_detached_tensor());
    let unnamed = || base.get(&base_of_named_modulation(name)?);
    let Some(found) = base.get(name).or_else(unnamed) else {
        return if name.contains(".cross_attn.v_img.") {
            initial.zeros_like()
        } else {
            Ok(initial)
        };
    };
    let (wanted, dims) = (initial.dims(), found.dims());
    if name == "patch_embedding.weight" && dims.len() == 5 && dims[1] < wanted[1] {
        return found.pad_with_zeros(1, 0, wanted[1] - dims[1]);
    }
    Ok(found.clone())
}
