//! PEFT's `adapter_config.json`, which holds the α that its weight files lack.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::weights::{WeightError, WeightResult};

/// The fields of `adapter_config.json` that decide what the adapters compute.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct AdapterConfig {
    pub(super) peft_type: String,
    pub(super) r: usize,
    pub(super) lora_alpha: f64,
    /// Ranks of layers that differ, by the end of their names.
    #[serde(default)]
    pub(super) rank_pattern: BTreeMap<String, usize>,
    /// The same for α.
    #[serde(default)]
    pub(super) alpha_pattern: BTreeMap<String, f64>,
    pub(super) target_modules: serde_json::Value,
    /// Scale α/√r instead of α/r.
    #[serde(default)]
    pub(super) use_rslora: bool,
    #[serde(default)]
    pub(super) use_dora: bool,
}

impl AdapterConfig {
    /// The configuration beside PEFT's weight file `adapter_model.*`; none beside other files.
    pub(super) fn beside(weights: &Path) -> WeightResult<Option<Self>> {
        let path = weights.with_file_name("adapter_config.json");
        let stem = weights.file_stem().and_then(|stem| stem.to_str());
        if stem != Some("adapter_model") || !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read(&path)
            .map_err(|source| WeightError::Unreadable { path: path.clone(), source })?;
        let config: Self = serde_json::from_slice(&text).map_err(|error| WeightError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        if config.peft_type != "LORA" || config.use_dora {
            let reason = "only plain LoRA adapters are read: no DoRA and no other `peft_type`";
            return Err(WeightError::Lora { path, reason: reason.into() });
        }
        Ok(Some(config))
    }

    /// α of a layer, such that its adapter counts α/r times.
    pub(super) fn alpha(&self, layer: &str, rank: usize) -> f64 {
        let given = self.alpha_pattern.iter().find(|(end, _)| {
            layer
                .strip_suffix(end.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let alpha = given.map_or(self.lora_alpha, |(_, alpha)| *alpha);
        // PEFT: scaling = α/√r, so α·√r over r.
        if self.use_rslora { alpha * (rank as f64).sqrt() } else { alpha }
    }
}
