//! Goldens of the authors' own Wan transformer: texts of unlike length, padded by the network.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use ffrun_models::params::Params;
use ffrun_models::wan::{Wan, WanConfig, WanInput};

use super::case::{Case, integers};
use super::check::Check;
use super::wan_config::{original_config, sides, size};
use super::{Kind, Result};

/// `WanModel` of the Wan2.1 repository.
pub(super) const KIND: Kind = Kind {
    name: "original wan",
    recognises: |case| {
        let config = ["model_type", "text_len", "in_dim", "dim", "num_heads"];
        config.iter().all(|key| case.has("/config", key))
            && ["hidden_states", "t", "context.0"].iter().all(|key| case.has("/inputs", key))
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let config = WanConfig { text_len: Some(size(case, "text_len")?), ..original_config(case)? };
    let mut params = Params::new(&Device::Cpu);
    let wan = Wan::new(&config, &mut params, 0)?;
    params.load(&case.weights()?)?;
    let shown = RefCell::new(BTreeMap::new());
    let observe = |name: &str, value: &Tensor| {
        shown.borrow_mut().insert(format!("mid.{name}"), value.detach());
    };
    let (latent, timestep, text) = (case.input("hidden_states")?, case.input("t")?, texts(case)?);
    let input = WanInput { observer: Some(&observe), ..WanInput::new(&latent, &timestep, &text) };
    let sample = wan.forward(&input)?;
    let mut shown = shown.into_inner();
    shown.insert("sample".to_owned(), sample);
    let mut checks = vec![];
    for name in case.outputs() {
        let found = shown.get(name).ok_or(format!("unknown output `{name}`"))?;
        checks.extend(case.check(name, &fitted(case, name, found)?)?);
    }
    Ok(checks)
}

/// A value in the shape of an output. The authors' code carries rows of padding behind the tokens,
/// which nothing reads: they are taken from the case, so that only the tokens are compared.
fn fitted(case: &Case, name: &str, found: &Tensor) -> Result<Tensor> {
    let shape = sides(&case.json["outputs"][name]["shape"]);
    let padded = integers(&case.json["inputs"]["seq_len"]["value"]);
    match (found.dims(), shape.as_slice(), padded.as_slice()) {
        ([b, l, d], [b2, padded, d2], [length])
            if (b, d) == (b2, d2) && *padded as i64 == *length && l < padded =>
        {
            let rest = case.stored(&format!("out.{name}"))?.narrow(1, *l, padded - l)?;
            Ok(Tensor::cat(&[found, &rest], 1)?)
        }
        _ => Ok(found.reshape(shape)?),
    }
}

/// The texts as one batch, the shorter ones zero-padded to the longest.
fn texts(case: &Case) -> Result<Tensor> {
    let mut texts = vec![];
    while case.has("/inputs", &format!("context.{}", texts.len())) {
        texts.push(case.input(&format!("context.{}", texts.len()))?);
    }
    let mut longest = 0;
    for text in &texts {
        longest = longest.max(text.dim(0)?);
    }
    let mut padded = vec![];
    for text in &texts {
        padded.push(text.pad_with_zeros(0, 0, longest - text.dim(0)?)?);
    }
    Ok(Tensor::stack(&padded, 0)?)
}
