//! Stages by the names a person knows them by: the kind and the trial's settings.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Graph, Key};

/// A name for each stage of the graph: kind and settings where one trial needs it, kind alone
/// where several share it.
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
            let label = match owners.get(key) {
                Some(owners) if owners.len() == 1 => {
                    let owner = owners.iter().next().map_or("", String::as_str);
                    format!("{} {owner}", stage.kind)
                }
                _ => split.map_or(stage.kind.clone(), |split| format!("{} {split}", stage.kind)),
            };
            (*key, label)
        })
        .collect()
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
