//! Why a stage would run: the nearest finished stage and the exact fields that differ.

use serde::Serialize;

use super::{
    archive::Archive,
    fields::{FieldDiff, between},
    nearest::{Shelf, expand_one},
    state::{State, look},
};
use crate::engine::{
    entry::Entry, error::EngineError, graph::Graph, key::Key, stage::Stage, store::Store,
};

/// The answer to `ffrun why`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// The stage.
    pub key: Key,
    /// Its kind.
    pub kind: String,
    /// How far it is.
    pub state: State,
    /// The finished stage of the same kind with the fewest other fields.
    pub nearest: Option<Key>,
    /// In what they differ, followed through inputs to the cause.
    pub differences: Vec<FieldDiff>,
    /// All that in one line.
    pub reason: String,
}

/// Explains the state of one stage of a graph. Writes nothing.
///
/// # Errors
/// [`EngineError::UnknownStage`] if the key is not in the graph; reading the store may fail.
pub fn why(graph: &Graph, store: &Store, key: &Key) -> Result<Why, EngineError> {
    let stage = graph
        .stage(key)
        .ok_or_else(|| EngineError::UnknownStage { key: *key, root: store.root().to_owned() })?;
    let entry = store.entry(key);
    let (state, _) = look(&entry)?;
    let archive = Archive::load(store)?;
    let shelf = Shelf::new(&archive, &stage.kind, Some(key), 1);
    let wanted = expand_one(stage, &|key| graph.stage(key));
    let nearest = shelf.nearest(&wanted).copied();
    let (differences, reason) = explain(graph, &archive, (&entry, stage), &state, nearest.as_ref());
    Ok(Why { key: *key, kind: stage.kind.clone(), state, nearest, differences, reason })
}

/// The differences from the nearest stage and one line for people.
pub(super) fn explain(
    graph: &Graph,
    archive: &Archive,
    (entry, stage): (&Entry, &Stage),
    state: &State,
    nearest: Option<&Key>,
) -> (Vec<FieldDiff>, String) {
    let was = nearest.and_then(|key| archive.stage(key));
    let differences = was.map_or_else(Vec::new, |was| {
        between(was, stage, &|key| archive.stage(key), &|key| graph.stage(key))
    });
    let reason = match (state, nearest) {
        (State::Done, _) => "done".to_owned(),
        (State::Running, _) => "a process is computing it".to_owned(),
        (State::Partial, _) => {
            "stopped before it finished; continues from its checkpoint".to_owned()
        }
        (State::Damaged(reason), _) => format!("damaged: {reason}; see `ffrun fsck`"),
        (State::Missing, _) if entry.dir().exists() => {
            "stopped before its first checkpoint".to_owned()
        }
        (State::Missing, Some(nearest)) if !differences.is_empty() => {
            format!("{} (nearest {})", summary(&differences), nearest.short())
        }
        (State::Missing, _) => "never run".to_owned(),
    };
    (differences, reason)
}

/// The first two differences and how many more there are.
fn summary(differences: &[FieldDiff]) -> String {
    let shown: Vec<String> = differences.iter().take(2).map(FieldDiff::short).collect();
    let rest = differences.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
