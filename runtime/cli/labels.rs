//! Stages by the names a person knows them by: the kind and the trial's settings.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::engine::{Graph, Key, Stage, Trial};

/// A name for each stage of the graph: the kind, and the split of a data set, or the settings of
/// the one trial that needs it.
pub(super) fn labels(graph: &Graph) -> BTreeMap<Key, String> {
    let owners = owners(graph);
    let label = |(key, stage): (&Key, &Stage)| {
        let owner = owners.get(key).copied().flatten();
        (*key, label(stage, owner.and_then(|trial| graph.trials().get(trial))))
    };
    graph.stages().map(label).collect()
}

/// The only trial that needs a stage, by its place; `None` where several do.
fn owners(graph: &Graph) -> BTreeMap<Key, Option<usize>> {
    let mut owners = BTreeMap::new();
    for (place, trial) in graph.trials().iter().enumerate() {
        let mut pending = vec![trial.output];
        while let Some(key) = pending.pop() {
            match owners.entry(key) {
                Entry::Vacant(free) => {
                    free.insert(Some(place));
                }
                // Already known to be shared, and so are all that it reads.
                Entry::Occupied(owner) if owner.get().is_none_or(|owner| owner == place) => {
                    continue;
                }
                Entry::Occupied(mut owner) => {
                    owner.insert(None);
                }
            }
            pending.extend(graph.stage(&key).iter().flat_map(|stage| stage.inputs.values()));
        }
    }
    owners
}

fn label(stage: &Stage, owner: Option<&Trial>) -> String {
    let split = stage.spec.get("split").and_then(|split| split.as_str());
    match (split, owner) {
        (Some(split), _) => format!("{} {split}", stage.kind),
        (None, Some(trial)) => format!("{} {}", stage.kind, settings(trial)),
        (None, None) => stage.kind.clone(),
    }
}

/// `elements=4096 seed=0`.
fn settings(trial: &Trial) -> String {
    let named = trial.settings.iter().map(|(name, value)| format!("{name}={} ", plain(value)));
    named.chain([format!("seed={}", trial.seed)]).collect()
}

/// The settings of a trial in words: `max`, `elements 1024`, `lora, steps 400`.
pub(super) fn values(trial: &Trial) -> String {
    let word = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(word) => word.to_owned(),
        None => format!("{name} {value}"),
    };
    trial.settings.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::labels;
    use crate::engine::{Graph, Stage, Trial};

    #[test]
    fn a_stage_is_named_by_what_it_is_for() {
        let mut graph = Graph::default();
        let faces = graph.add(Stage::new("faces", 1, json!({ "split": "train" })));
        let mut keys = vec![faces];
        for seed in 0..2 {
            let train = Stage::new("train", 1, json!({ "seed": seed })).reading("faces", faces);
            let output = graph.add(train);
            let settings = [("pool".to_owned(), json!("max"))].into();
            graph.push_trial(Trial { settings, seed, output });
            keys.push(output);
        }
        let names = labels(&graph);
        let told: Vec<&str> = keys.iter().map(|key| names[key].as_str()).collect();
        assert_eq!(told, ["faces train", "train pool=max seed=0", "train pool=max seed=1"]);
    }
}
