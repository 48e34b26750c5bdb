//! Goldens of Eq. 3–5: weights, S, logits, loss and gradients.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use ffrun_models::dictionary::{
    AlignerOutput, Dictionary, DictionaryConfig, Temperature, builtin_normalizer, builtin_pool,
};
use ffrun_models::loss::{pia_loss, similarity_logits};
use ffrun_models::params::Params;
use serde_json::Value;

use super::case::{Case, numbers};
use super::check::Check;
use super::{Kind, Result};

/// Eq. 3–5 of the paper.
pub(super) const KIND: Kind = Kind {
    name: "aligner",
    recognises: |case| ["n", "L", "C", "pool"].iter().all(|key| case.has("/config", key)),
    run,
};

/// Runs the case once per pooling in its configuration.
fn run(case: &Case) -> Result<Vec<Check>> {
    let poolings = match &case.json["config"]["pool"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect::<Vec<_>>(),
    };
    let mut checks = vec![];
    for pooling in poolings {
        let found = Found::compute(case, pooling)?;
        for name in case.outputs().filter(|name| name.starts_with(&format!("{pooling}."))) {
            let value = found.output(&name[pooling.len() + 1..], case, name)?;
            checks.extend(case.check(name, &value)?);
        }
        let expected = case.json["expected"][pooling].as_object().ok_or("nothing expected")?;
        for (name, expected) in expected {
            let expected = expected.as_f64().ok_or("an expected value that is no number")?;
            checks.extend(case.check_number(name, found.number(name)?, expected));
        }
    }
    Ok(checks)
}

/// All that Eq. 3–5 give for one pooling.
struct Found {
    first: AlignerOutput,
    second: AlignerOutput,
    logits: Vec<Vec<f64>>,
    logits_nn: Tensor,
    loss: f64,
    gradients: BTreeMap<&'static str, Tensor>,
    grad_logit_scale: f64,
    logit_scale: f64,
}

impl Found {
    fn compute(case: &Case, pooling: &str) -> Result<Self> {
        let (dictionary, params) = dictionary(case, pooling)?;
        let e1 = Var::from_tensor(&case.input("E1")?)?;
        let e2 = (case.input("E2")? + (e1.as_detached_tensor() * f64::from(mixing(case)?))?)?;
        let e2 = Var::from_tensor(&e2)?;
        let logit_scale = case.number("/config/logit_scale")?;
        let scale = Var::new(logit_scale as f32, &Device::Cpu)?;
        let (first, second) = (dictionary.forward(&e1, 0)?, dictionary.forward(&e2, 0)?);
        let loss = pia_loss(&first.shared_bd, &second.shared_bd, &scale, None)?;
        let store = loss.backward()?;
        let elements = params.get("dictionary.weight").ok_or("no dictionary")?.var();
        let mut gradients = BTreeMap::new();
        for (name, leaf) in [("gE1", &e1), ("gE2", &e2), ("gD", elements)] {
            gradients.insert(name, store.get(leaf).ok_or(format!("no gradient {name}"))?.detach());
        }
        let logits_nn = similarity_logits(&first.shared_bd, &second.shared_bd, &scale)?.detach();
        Ok(Self {
            logits: rows(&logits_nn)?,
            logits_nn,
            loss: f64::from(loss.to_scalar::<f32>()?),
            gradients,
            grad_logit_scale: f64::from(
                store.get(&scale).ok_or("no gradient of s")?.to_scalar::<f32>()?,
            ),
            logit_scale,
            first,
            second,
        })
    }

    fn output(&self, part: &str, case: &Case, name: &str) -> Result<Tensor> {
        if let Some(gradient) = self.gradients.get(part) {
            return Ok(gradient.clone());
        }
        match part {
            "W1" => Ok(self.first.weights_bc.clone()),
            "W2" => Ok(self.second.weights_bc.clone()),
            "S1" => Ok(self.first.shared_bd.clone()),
            "S2" => Ok(self.second.shared_bd.clone()),
            "logits" => Ok(self.logits_nn.clone()),
            _ if part.starts_with("W1_top") => {
                let shown = case.json["outputs"][name]["shape"][1].as_u64().ok_or("no shape")?;
                largest(&self.first.weights_bc, shown as usize)
            }
            _ => Err(format!("unknown output `{name}`").into()),
        }
    }

    fn number(&self, name: &str) -> Result<f64> {
        let n = self.logits.len();
        let columns: Vec<Vec<f64>> =
            (0..n).map(|j| self.logits.iter().map(|row| row[j]).collect()).collect();
        Ok(match name {
            "loss_eq5" | "loss_eq5_f32" => self.loss,
            "loss_1to2" => cross_entropy(&self.logits),
            "loss_2to1" => cross_entropy(&columns),
            "loss_clip_half" => self.loss / 2.0,
            "grad_logit_scale" => self.grad_logit_scale,
            "grad_wrt_tau" => -self.grad_logit_scale * self.logit_scale.exp(), // ds/dτ = −1/τ
            "top1_accuracy" => top1(&self.logits),
            "mutual_information_bound_log_n_minus_loss" => (n as f64).ln() - self.loss, // Eq. 7
            _ => return Err(format!("unknown expected number `{name}`").into()),
        })
    }
}

fn dictionary(case: &Case, pooling: &str) -> Result<(Dictionary, Params)> {
    let normalizer = case.json["config"]["normalizer"].as_str().unwrap_or("none");
    let config = DictionaryConfig {
        elements: case.number("/config/C")? as usize,
        width: case.number("/config/D")? as usize,
        std: 1.0,
        pool: builtin_pool(pooling)?,
        normalizer: builtin_normalizer(normalizer)?,
        scale: 1.0,
        temperature: Temperature { start: 1.0, decay: 1.0, floor: 0.0 },
    };
    let mut params = Params::new(&Device::Cpu);
    let dictionary = Dictionary::new(config, &mut params, "dictionary", 0)?;
    let mut weights = case.weights()?;
    weights.retain(|name, _| name.starts_with("dictionary."));
    params.load(&weights)?;
    Ok((dictionary, params))
}

/// The share of E1 in E2, which the case states in a note: `… + f32(0.8)*fill('input.E1') …`.
fn mixing(case: &Case) -> Result<f32> {
    for note in case.list("/notes")?.iter().filter_map(Value::as_str) {
        if let Some((_, rest)) = note.split_once("f32(").filter(|_| note.starts_with("E2 used")) {
            let (number, _) = rest.split_once(')').ok_or("a note without its bracket")?;
            return Ok(number.parse()?);
        }
    }
    Ok(0.0)
}

fn rows(matrix: &Tensor) -> Result<Vec<Vec<f64>>> {
    let width = matrix.dim(1)?;
    Ok(numbers(matrix)?.chunks(width).map(<[f64]>::to_vec).collect())
}

/// Mean over rows of log Σ exp − diagonal.
fn cross_entropy(logits: &[Vec<f64>]) -> f64 {
    let of_row = |(i, row): (usize, &Vec<f64>)| {
        let largest = row.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
        sum.ln() + largest - row[i]
    };
    logits.iter().enumerate().map(of_row).sum::<f64>() / logits.len() as f64
}

/// Share of rows whose largest entry is on the diagonal.
fn top1(logits: &[Vec<f64>]) -> f64 {
    let right = |(i, row): &(usize, &Vec<f64>)| row.iter().all(|logit| *logit <= row[*i]);
    logits.iter().enumerate().filter(right).count() as f64 / logits.len() as f64
}

/// Places of the `shown` largest values of each row, largest first.
fn largest(matrix: &Tensor, shown: usize) -> Result<Tensor> {
    let places: Vec<Vec<i64>> = rows(matrix)?
        .iter()
        .map(|row| {
            let mut places: Vec<usize> = (0..row.len()).collect();
            places.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
            places.into_iter().take(shown).map(|place| place as i64).collect()
        })
        .collect();
    Ok(Tensor::new(places, &Device::Cpu)?)
}
