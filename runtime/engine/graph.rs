//! The graph: every stage an experiment needs, and the trials whose outputs it reports.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{error::EngineError, key::Key, stage::Stage};

/// One row of the experiment: one value of every varied setting, and a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Name → value of the varied settings.
    pub settings: BTreeMap<String, Value>,
    /// Seed of the trial.
    pub seed: u64,
    /// The stage whose result is this trial's row.
    pub output: Key,
}

/// Stages by key and trials in the order in which they were declared. It cannot hold a cycle,
/// because a key is a hash over the keys of its inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    stages: BTreeMap<Key, Stage>,
    trials: Vec<Trial>,
}

impl Graph {
    /// Adds a stage and returns its key. A stage that is there already is shared.
    pub fn add(&mut self, stage: Stage) -> Key {
        let key = stage.key();
        self.stages.entry(key).or_insert(stage);
        key
    }

    /// Adds the stages of another graph, and its trials after those there are.
    pub fn absorb(&mut self, other: &Self) {
        for (key, stage) in &other.stages {
            self.stages.entry(*key).or_insert_with(|| stage.clone());
        }
        self.trials.extend(other.trials.iter().cloned());
    }

    /// Adds a trial after those before it.
    pub fn push_trial(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    /// The stage of this key.
    pub fn stage(&self, key: &Key) -> Option<&Stage> {
        self.stages.get(key)
    }

    /// All stages, by key.
    pub fn stages(&self) -> impl Iterator<Item = (&Key, &Stage)> {
        self.stages.iter()
    }

    /// The trials as declared.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// A topological order that finishes the first trials first, so that a report can show rows
    /// early. Stages that no trial needs come last.
    ///
    /// # Errors
    /// [`EngineError::Dangling`] if a stage reads from one that is not in the graph.
    pub fn order(&self) -> Result<Vec<Key>, EngineError> {
        let mut order = Vec::with_capacity(self.stages.len());
        let mut seen = BTreeSet::new();
        for key in self.trials.iter().map(|trial| &trial.output).chain(self.stages.keys()) {
            self.visit(*key, &mut seen, &mut order)?;
        }
        Ok(order)
    }

    /// Every stage that `key` reads from, directly or through others, by key.
    pub fn dependencies(&self, key: &Key) -> Vec<Key> {
        let mut found = BTreeSet::new();
        let mut pending = vec![*key];
        while let Some(next) = pending.pop() {
            let inputs = self.stages.get(&next).into_iter().flat_map(|stage| stage.inputs.values());
            pending.extend(inputs.filter(|input| found.insert(**input)));
        }
        found.into_iter().collect()
    }

    /// Depth first without recursion: a chain of stages may be longer than a thread's stack.
    fn visit(
        &self,
        root: Key,
        seen: &mut BTreeSet<Key>,
        order: &mut Vec<Key>,
    ) -> Result<(), EngineError> {
        if !seen.insert(root) {
            return Ok(());
        }
        let mut path = vec![(root, self.inputs(&root))];
        while let Some((key, inputs)) = path.last_mut() {
            let Some((role, input)) = inputs.pop() else {
                order.push(*key);
                path.pop();
                continue;
            };
            if !self.stages.contains_key(&input) {
                return Err(EngineError::Dangling { key: *key, role, input });
            }
            if seen.insert(input) {
                path.push((input, self.inputs(&input)));
            }
        }
        Ok(())
    }

    /// Roles and keys that a stage reads, last role first.
    fn inputs(&self, key: &Key) -> Vec<(String, Key)> {
        let inputs = self.stages.get(key).into_iter().flat_map(|stage| stage.inputs.iter().rev());
        inputs.map(|(role, input)| (role.clone(), *input)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trial(output: Key, seed: u64) -> Trial {
        Trial { settings: BTreeMap::new(), seed, output }
    }

    #[test]
    fn order_finishes_the_first_trials_first() {
        let mut graph = Graph::default();
        let faces = graph.add(Stage::new("faces", 1, json!({})));
        let mut expected = vec![faces];
        for seed in 0..5 {
            let train = Stage::new("train", 1, json!({ "seed": seed })).reading("faces", faces);
            let train = graph.add(train);
            let output = graph.add(Stage::new("evaluate", 1, json!({})).reading("fitted", train));
            graph.push_trial(trial(output, seed));
            expected.extend([train, output]);
        }
        let unused = graph.add(Stage::new("preview", 1, json!({})));
        expected.push(unused);
        assert_eq!(graph.order().unwrap(), expected);
        let mut dependencies = [faces, expected[1]];
        dependencies.sort();
        assert_eq!(graph.dependencies(&expected[2]), dependencies);
    }

    #[test]
    fn equal_stages_are_shared() {
        let mut graph = Graph::default();
        let a = graph.add(Stage::new("faces", 1, json!({ "a": 1, "b": 2 })));
        let b = graph.add(Stage::new("faces", 1, json!({ "b": 2, "a": 1 })));
        assert_eq!(a, b);
        assert_eq!(graph.stages().count(), 1);
    }

    #[test]
    fn graphs_share_what_both_need() {
        let both = [1, 2].map(|seed| {
            let mut graph = Graph::default();
            let faces = graph.add(Stage::new("faces", 1, json!({})));
            let train = Stage::new("train", 1, json!({ "seed": seed })).reading("faces", faces);
            let output = graph.add(train);
            graph.push_trial(trial(output, seed));
            graph
        });
        let mut all = both[1].clone();
        all.absorb(&both[0]);
        assert_eq!(all.stages().count(), 3);
        let seeds: Vec<u64> = all.trials().iter().map(|trial| trial.seed).collect();
        assert_eq!(seeds, [2, 1]);
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let mut graph = Graph::default();
        let mut last = graph.add(Stage::new("link", 1, json!(0)));
        for _ in 0..100_000 {
            last = graph.add(Stage::new("link", 1, json!(0)).reading("before", last));
        }
        graph.push_trial(trial(last, 0));
        assert_eq!(graph.order().unwrap().len(), 100_001);
        assert_eq!(graph.dependencies(&last).len(), 100_000);
    }

    #[test]
    fn an_input_outside_the_graph_is_named() {
        let mut graph = Graph::default();
        let stranger = Stage::new("faces", 1, json!({})).key();
        let train = graph.add(Stage::new("train", 1, json!({})).reading("faces", stranger));
        let error = graph.order().unwrap_err().to_string();
        let expected = format!(
            "stage `{}` reads `faces` from stage `{}`, which is not in the graph",
            train.short(),
            stranger.short()
        );
        assert_eq!(error, expected);
    }
}
