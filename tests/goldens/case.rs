//! One golden case: its JSON, its stored tensors, and its inputs and weights rebuilt from them.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::Value;

use super::Result;
use super::check::{Check, Tolerance};
use super::fill::Fill;

/// A case as read from `<name>.json` and, if there is one, `<name>.safetensors`.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) json: Value,
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    /// Reads the case at `path`.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let json: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let name = text(&json, "case")?.to_owned();
        let stored = path.with_extension("safetensors");
        let tensors = if stored.exists() {
            candle_core::safetensors::load(stored, &Device::Cpu)?.into_iter().collect()
        } else {
            BTreeMap::new()
        };
        Ok(Self { name, json, tensors })
    }

    /// What a case about several networks says of one: `config/<part>` as the configuration, and
    /// the weights listed as `<part>:<name>`.
    pub(super) fn part(&self, part: &str) -> Self {
        let prefix = format!("{part}:");
        let rows = self.json["weights"].as_array().into_iter().flatten().filter_map(|row| {
            let mut row = row.clone();
            row[0] = row[0].as_str()?.strip_prefix(&prefix)?.into();
            Some(row)
        });
        let json = serde_json::json!({
            "config": self.json["config"][part],
            "weights": rows.collect::<Vec<_>>(),
        });
        Self { name: format!("{} ({part})", self.name), json, tensors: BTreeMap::new() }
    }

    /// Whether the object at a JSON pointer has this key.
    pub(super) fn has(&self, pointer: &str, key: &str) -> bool {
        self.json.pointer(pointer).is_some_and(|object| object.get(key).is_some())
    }

    /// The array at a JSON pointer; empty if absent.
    pub(super) fn list(&self, pointer: &str) -> Result<&[Value]> {
        match self.json.pointer(pointer) {
            Some(value) => Ok(value.as_array().ok_or(format!("`{pointer}` is no list"))?),
            None => Ok(&[]),
        }
    }

    /// The number at a JSON pointer.
    pub(super) fn number(&self, pointer: &str) -> Result<f64> {
        let number = self.json.pointer(pointer).and_then(Value::as_f64);
        Ok(number.ok_or(format!("no number `{pointer}`"))?)
    }

    /// The input called `name`.
    pub(super) fn input(&self, name: &str) -> Result<Tensor> {
        let input = &self.json["inputs"][name];
        let tensor = match text(input, "kind")? {
            "fill" => filled(text(input, "fill_name")?, input)?,
            "fill>0" => {
                let above = filled(text(input, "fill_name")?, input)?.gt(0f32)?;
                above.to_dtype(DType::F32)?
            }
            "fill_int" => {
                let (fill, shape) = (Fill::new(text(input, "fill_name")?), shape(input)?);
                let modulo = input["modulo"].as_u64().ok_or("no `modulo`")?;
                let count = shape.iter().product::<usize>() as u64;
                let values = (0..count).map(|at| (fill.bits(at) % modulo) as i64).collect();
                Tensor::from_vec::<_, i64>(values, shape, &Device::Cpu)?
            }
            "fill_block" => filled_in_blocks(input)?,
            "stored" => self.stored(text(input, "tensor")?)?.clone(),
            "json" => {
                let values = floats(&input["value"]);
                let shape = if input["value"].is_array() { vec![values.len()] } else { vec![] };
                Tensor::from_vec(values, shape, &Device::Cpu)?
            }
            kind => return Err(format!("input `{name}` is of unknown kind `{kind}`").into()),
        };
        Ok(tensor)
    }

    /// All weights by name.
    pub(super) fn weights(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut weights = BTreeMap::new();
        for row in self.list("/weights")? {
            let name = row[0].as_str().ok_or("a weight without a name")?;
            let described =
                serde_json::json!({ "shape": row[1], "offset": row[2], "scale": row[3] });
            weights.insert(name.to_owned(), filled(name, &described)?);
        }
        Ok(weights)
    }

    /// The names of the outputs.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &str> {
        self.json["outputs"]
            .as_object()
            .into_iter()
            .flat_map(|outputs| outputs.keys())
            .map(String::as_str)
    }

    /// Compares one output: stored values, and the probe over all of them.
    pub(super) fn check(&self, name: &str, found: &Tensor) -> Result<Vec<Check>> {
        let output = &self.json["outputs"][name];
        if shape(output)? != found.dims() {
            let what = format!("{name} has shape {:?}, not {}", found.dims(), output["shape"]);
            return Ok(vec![Check::exact(what, false)]);
        }
        let (values, stored) = (numbers(found)?, numbers(self.stored(&format!("out.{name}"))?)?);
        let seen: Vec<f64> = match output["stored"].as_str() {
            Some("sampled") => {
                (0..stored.len()).map(|j| values[j * values.len() / stored.len()]).collect()
            }
            _ => values.clone(),
        };
        let tolerance = self.tolerance(name);
        let mut checks = tolerance.compare(name, &seen, &stored);
        if let Some(expected) = output["probe_dot"].as_f64() {
            let probe = Fill::new(&format!("probe.{name}")).values(values.len(), 0.0, 1.0);
            let probe: Vec<f64> = probe.into_iter().map(f64::from).collect();
            checks.extend(tolerance.compare_probe(name, &values, &probe, expected));
        }
        if checks.is_empty() {
            return Err(format!("no tolerance for `{name}`").into());
        }
        Ok(checks)
    }

    /// Compares one number of `expected`. Its tolerance is looked up as `expected.<name>`.
    pub(super) fn check_number(&self, name: &str, found: f64, expected: f64) -> Vec<Check> {
        self.tolerance(&format!("expected.{name}")).compare(name, &[found], &[expected])
    }

    /// The bounds with the longest prefix of `name`.
    pub(super) fn tolerance(&self, name: &str) -> Tolerance<'_> {
        let bounds = self.json["tolerance"].as_object().into_iter().flatten();
        let longest = bounds
            .filter(|(prefix, _)| name.starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _)| prefix.len());
        Tolerance(longest.map_or(&Value::Null, |(_, bounds)| bounds))
    }

    /// A stored tensor.
    pub(super) fn stored(&self, name: &str) -> Result<&Tensor> {
        Ok(self.tensors.get(name).ok_or(format!("no stored tensor `{name}`"))?)
    }
}

/// All values of a tensor, row by row.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// All integers in a nested list.
pub(super) fn integers(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(values) => values.iter().flat_map(integers).collect(),
        value => value.as_i64().into_iter().collect(),
    }
}

/// All numbers in a nested list.
pub(super) fn floats(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(floats).collect(),
        value => value.as_f64().into_iter().collect(),
    }
}

/// The string under `key`.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    Ok(value[key].as_str().ok_or(format!("no text `{key}`"))?)
}

fn shape(value: &Value) -> Result<Vec<usize>> {
    let sides = value["shape"].as_array().ok_or("no `shape`")?;
    Ok(sides.iter().filter_map(Value::as_u64).map(|side| side as usize).collect())
}

fn filled(name: &str, described: &Value) -> Result<Tensor> {
    let shape = shape(described)?;
    // Absent means the plain fill in (−1, 1).
    let offset = described["offset"].as_f64().unwrap_or(0.0) as f32;
    let scale = described["scale"].as_f64().unwrap_or(1.0) as f32;
    let values = Fill::new(name).values(shape.iter().product(), offset, scale);
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// A fill of `low_shape`, each value repeated over a block of the last two dimensions, cropped.
fn filled_in_blocks(input: &Value) -> Result<Tensor> {
    let mut low = input.clone();
    low["shape"] = input["low_shape"].clone();
    let low = filled(text(input, "fill_name")?, &low)?;
    let block = input["block"].as_u64().ok_or("no `block`")? as u32;
    let shape = shape(input)?;
    let (rows, columns) = (shape.len() - 2, shape.len() - 1);
    let places = |side: usize| {
        let places: Vec<u32> = (0..side as u32).map(|at| at / block).collect();
        Tensor::new(places, &Device::Cpu)
    };
    Ok(low
        .index_select(&places(shape[rows])?, rows)?
        .index_select(&places(shape[columns])?, columns)?)
}
