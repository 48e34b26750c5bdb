//! A stage: one unit of work, described completely. The description is the identity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::Key;

/// What a stage's numbers depend on beside its spec: the device kind and the element type.
/// `cuda:0` and `cuda:1` are one class; the CPU and CUDA are two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumericClass {
    /// `cpu` or `cuda`.
    pub device: String,
    /// `f32`, `bf16` or `f16`.
    pub dtype: String,
}

impl Default for NumericClass {
    fn default() -> Self {
        Self { device: "cpu".into(), dtype: "f32".into() }
    }
}

/// One unit of work. Its key is the hash of exactly these fields, so reading this struct is
/// reading what invalidates a result. Not here, and so never in a key: script text, names,
/// titles, paths, times, worker counts, chart settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// What kind of work: `faces`, `train`, `measure`, …
    pub kind: String,
    /// Semantic version of the kind, raised when its code changes what it computes.
    pub version: u32,
    /// The typed spec with every default written out.
    pub spec: Value,
    /// Role → key of the stage whose result is read in that role.
    pub inputs: BTreeMap<String, Key>,
    /// Name → blake3 of every weight or data file that is read.
    pub digests: BTreeMap<String, String>,
    /// Role → compacted Rhai source of a closure and all it calls. The frozen stage carries the
    /// text so that a worker process can run it.
    pub code: BTreeMap<String, String>,
    /// Device kind and element type.
    pub class: NumericClass,
}

impl Stage {
    /// A stage of this kind with a spec and nothing else.
    pub fn new(kind: &str, version: u32, spec: Value) -> Self {
        Self {
            kind: kind.to_owned(),
            version,
            spec,
            inputs: BTreeMap::new(),
            digests: BTreeMap::new(),
            code: BTreeMap::new(),
            class: NumericClass::default(),
        }
    }

    /// The same stage reading the result of `key` in this role.
    #[must_use]
    pub fn reading(mut self, role: &str, key: Key) -> Self {
        self.inputs.insert(role.to_owned(), key);
        self
    }

    /// The content address: blake3 of the canonical JSON (object keys sorted, no spaces).
    pub fn key(&self) -> Key {
        let value = serde_json::to_value(self).unwrap_or(Value::Null);
        Key::of(canonical(&value).as_bytes())
    }
}

/// JSON with sorted object keys and no spaces, so that equal values are equal bytes.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> = map.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        leaf => leaf.to_string(),
    }
}
