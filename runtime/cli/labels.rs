//! Stages by the names a person knows them by: the kind and the trial's settings.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Graph, Key};

/// A name for each stage of the graph: the kind, and the split of a data set, or the settings of
/// the one trial that needs it.
pub(super) fn labels(graph: &Graph) -> BTreeMap<Key, String> {
    let mut owners: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    for trial in graph.trials() {
        let mut words: Vec<String> =
            trial.settings.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        words.push(format!("seed={}", trial.seed));
        let words = words.join(" ");
        for key in graph.dependencies(&trial.output).into_iter().chain([trial.output]) {
            owners.entry(key).or_default().insert(words.clone());
        }
    }
    graph
        .stages()
        .map(|(key, stage)| {
            let split = stage.spec.get("split").and_then(|split| split.as_str());
            let owner = owners.get(key).filter(|owners| owners.len() == 1);
            let more =
                split.or_else(|| owner.and_then(|owners| owners.iter().next()).map(String::as_str));
            let label = more.map_or(stage.kind.clone(), |more| format!("{} {more}", stage.kind));
            (*key, label)
        })
        .collect()
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
