//! Which trainings stand behind a measurement.

use crate::engine::{Graph, Key};

/// Kinds of stages that train.
const KINDS: [&str; 4] = ["train", "tune", "pretrain", "evaluator"];

/// The trainings nearest to a stage, each with those that it went on from, first to last.
pub(super) fn of(graph: &Graph, output: &Key) -> Vec<Vec<Key>> {
    let (mut found, mut pending) = (Vec::new(), vec![*output]);
    while let Some(key) = pending.pop() {
        let Some(stage) = graph.stage(&key) else { continue };
        if KINDS.contains(&stage.kind.as_str()) {
            found.push(rounds(graph, key));
            continue;
        }
        // What a tuned generator learnt last is of interest, not the base beneath it.
        let inputs = || stage.inputs.iter().rev();
        let below = inputs()
            .filter(|(role, _)| role.as_str() != "base" || !stage.inputs.contains_key("tuned"));
        pending.extend(below.map(|(_, key)| *key));
    }
    found
}

fn rounds(graph: &Graph, last: Key) -> Vec<Key> {
    let before = |key: &Key| graph.stage(key).and_then(|stage| stage.inputs.get("from").copied());
    let mut rounds: Vec<Key> = std::iter::successors(Some(last), before).collect();
    rounds.reverse();
    rounds
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::engine::{Graph, Key, Stage};

    fn add(graph: &mut Graph, kind: &str, seed: u64, inputs: &[(&str, Key)]) -> Key {
        let stage = Stage::new(kind, 1, serde_json::json!({ "seed": seed }));
        graph.add(inputs.iter().fold(stage, |stage, (role, key)| stage.reading(role, *key)))
    }

    #[test]
    fn rounds_are_one_training_and_a_tuning_hides_its_base() {
        let mut graph = Graph::default();
        let first = add(&mut graph, "pretrain", 0, &[]);
        let second = add(&mut graph, "pretrain", 1, &[("from", first)]);
        let tuned = add(&mut graph, "tune", 0, &[("base", second)]);
        let plain = add(&mut graph, "generate", 0, &[("base", second)]);
        let steered = add(&mut graph, "generate", 1, &[("base", second), ("tuned", tuned)]);
        assert_eq!(of(&graph, &plain), [vec![first, second]]);
        assert_eq!(of(&graph, &steered), [vec![tuned]]);
    }
}
