//! Goldens of the UMT5 encoder in transformers' naming: every hidden state, every gradient.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use ffrun_models::params::Params;
use ffrun_models::umt5::{
    Umt5, Umt5Config, relative_bucket, umt5_original_from_transformers,
    umt5_transformers_from_original,
};

use super::case::{Case, floats, integers};
use super::check::Check;
use super::parameter_lengths::{of_loss, probed};
use super::{Kind, Result};

/// transformers' `UMT5EncoderModel`.
pub(super) const KIND: Kind = Kind {
    name: "umt5",
    recognises: |case| {
        let config = ["d_model", "d_kv", "relative_attention_num_buckets"];
        config.iter().all(|key| case.has("/config", key)) && case.has("/inputs", "input_ids")
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let config = config(case)?;
    let trained = case.json.get("param_grad_l2").is_some();
    let mut params = if trained { Params::new(&Device::Cpu) } else { Params::frozen(&Device::Cpu) };
    let encoder = Umt5::new(&config, &mut params)?;
    params.load(&originals(case.weights()?))?;
    let found = Found::compute(case, &encoder)?;
    let mut checks = vec![];
    for name in case.outputs() {
        checks.extend(case.check(name, &found.output(name, &encoder)?.detach())?);
    }
    if trained {
        let loss = probed(&found.masked)?;
        checks.extend(of_loss(case, &params, &loss, umt5_transformers_from_original)?);
    }
    let buckets = integers(&case.json["position_buckets"]["buckets"]);
    let reach = buckets.len() as i64 / 2;
    let ours = |position| relative_bucket(position, config.buckets, config.max_distance) as i64;
    let agree = (-reach..=reach).map(ours).eq(buckets);
    checks.push(Check::exact("position buckets".to_owned(), agree));
    Ok(checks)
}

/// What the case's tokens become, with the padding masked and not.
struct Found {
    /// The input with padding replaced by token 0, and how much of each row is none.
    lengths: Vec<usize>,
    states: Vec<Tensor>,
    masked: Tensor,
    unmasked: Tensor,
}

impl Found {
    fn compute(case: &Case, encoder: &Umt5) -> Result<Self> {
        let ids = case.input("input_ids")?;
        let lengths: Vec<usize> = floats(&case.json["inputs"]["lengths"]["value"])
            .into_iter()
            .map(|l| l as usize)
            .collect();
        let ids = (ids.to_dtype(DType::U32)? * within(&lengths, ids.dim(1)?)?)?;
        let mut states = vec![];
        let masked =
            encoder.forward_watched(&ids, Some(&lengths), &mut |x| states.push(x.detach()))?;
        Ok(Self { lengths, states, masked, unmasked: encoder.forward(&ids, None)? })
    }

    fn output(&self, name: &str, encoder: &Umt5) -> Result<Tensor> {
        let length = self.masked.dim(1)?;
        Ok(match name {
            "last_hidden_state" => self.masked.clone(),
            "last_hidden_state_no_mask" => self.unmasked.clone(),
            "last_hidden_state_zeroed_beyond_length" => {
                let within = within(&self.lengths, length)?.to_dtype(DType::F32)?.unsqueeze(2)?;
                self.masked.broadcast_mul(&within)?
            }
            "position_bias_block0" => encoder.position_bias(0, length)?,
            name => {
                let at = name.strip_prefix("hidden_").ok_or(format!("unknown output `{name}`"))?;
                let at: usize = at.parse()?;
                // transformers shows the last state after the norm.
                if at + 1 == self.states.len() {
                    self.masked.clone()
                } else {
                    self.states[at].clone()
                }
            }
        })
    }
}

/// 1 for tokens and 0 for padding, `[B, L]`.
fn within(lengths: &[usize], length: usize) -> Result<Tensor> {
    let of_row = |&real: &usize| (0..length).map(move |at| u32::from(at < real));
    let flags: Vec<u32> = lengths.iter().flat_map(of_row).collect();
    Ok(Tensor::from_vec(flags, (lengths.len(), length), &Device::Cpu)?)
}

fn config(case: &Case) -> Result<Umt5Config> {
    let size = |key: &str| case.number(&format!("/config/{key}")).map(|size| size as usize);
    Ok(Umt5Config {
        vocab: size("vocab_size")?,
        dim: size("d_model")?,
        layers: size("num_layers")?,
        heads: size("num_heads")?,
        head_dim: size("d_kv")?,
        ffn_dim: size("d_ff")?,
        buckets: size("relative_attention_num_buckets")?,
        max_distance: size("relative_attention_max_distance")?,
        eps: case.number("/config/layer_norm_epsilon")? as f32,
    })
}

/// Weights under the original's names; the embedding's second name has none.
fn originals(weights: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    weights
        .into_iter()
        .filter(|(name, _)| name != "encoder.embed_tokens.weight")
        .map(|(name, value)| (umt5_original_from_transformers(&name).unwrap_or(name), value))
        .collect()
}
