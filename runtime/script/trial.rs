//! `Trial`: one value of every varied setting, and a seed.

use std::{collections::BTreeMap, sync::Arc};

use rhai::Dynamic;
use serde_json::Value;

use super::{complaint::Complaint, convert::from_json, suggest::did_you_mean_or_list};

/// What `run(trial)` is given. Read-only; a setting that is not varied is an error.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) settings: Arc<BTreeMap<String, Value>>,
    pub(super) seed: u64,
}

impl Trial {
    /// `trial.seed` or `trial.<varied setting>`.
    pub(super) fn setting(&self, name: &str) -> Result<Dynamic, Complaint> {
        if name == "seed" {
            return Ok(Dynamic::from_int(self.seed as i64));
        }
        self.settings.get(name).map(from_json).ok_or_else(|| {
            let known = self.settings.keys().map(String::as_str).chain(["seed"]);
            Complaint::new("name", format!("a trial has no setting `{name}`"))
                .maybe_hint(did_you_mean_or_list(name, known))
        })
    }
}
