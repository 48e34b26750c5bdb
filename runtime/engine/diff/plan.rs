//! The plan: what would run, why, and for how long.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::{
    archive::Archive,
    eta::{Eta, makespan},
    nearest::{OwnFeatures, Shelf},
    state::{State, look},
    why::explain,
};
use crate::engine::{
    error::EngineError, graph::Graph, key::Key, record::ResultRecord, store::Store,
};

/// One stage of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// The stage.
    pub key: Key,
    /// Its kind.
    pub kind: String,
    /// How far it is.
    pub state: State,
    /// How many trials need it, directly or through others.
    pub trials: usize,
    /// Seconds the nearest finished stage of its kind took, by the step where both have a number of
    /// steps; `None` if there is none or if this one is done.
    pub estimate_seconds: Option<f64>,
    /// One line: why it is in this state.
    pub reason: String,
}

impl Planned {
    /// Whether a run would compute it.
    pub fn to_run(&self) -> bool {
        matches!(self.state, State::Missing | State::Partial)
    }
}

/// Stages by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Results in the store.
    pub done: usize,
    /// With a checkpoint.
    pub partial: usize,
    /// To be computed from the start.
    pub missing: usize,
    /// Being computed by some process.
    pub running: usize,
    /// Spoilt.
    pub damaged: usize,
}

/// All stages of a graph against a store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The stages, inputs before readers, those of the first trials first.
    pub stages: Vec<Planned>,
    /// Trials of the graph.
    pub trials: usize,
    /// Trials whose output is done.
    pub trials_done: usize,
    /// Bytes that the finished stages hold.
    pub disk_used_bytes: u64,
    /// Bytes that the stages to run will add, as far as their nearest finished ones tell.
    pub disk_estimate_bytes: u64,
    /// For each stage the places in `stages` of those it reads.
    #[serde(skip)]
    reads: Vec<Vec<usize>>,
}

impl Plan {
    /// Compares a graph with a store. Writes nothing.
    ///
    /// # Errors
    /// If the graph is incomplete or the store cannot be read. Damage is not an error but a state.
    pub fn of(graph: &Graph, store: &Store) -> Result<Self, EngineError> {
        let order = graph.order()?;
        let looks: Result<Vec<Look>, EngineError> =
            order.par_iter().map(|key| look(&store.entry(key))).collect();
        let looks = looks?;
        let places: BTreeMap<&Key, usize> = order.iter().zip(0..).collect();
        let reads: Vec<Vec<usize>> = order.iter().map(|key| reads(graph, &places, key)).collect();
        let outputs = graph.trials().iter().filter_map(|trial| places.get(&trial.output).copied());
        let outputs: Vec<usize> = outputs.collect();
        let needed = needed_by(&outputs, &reads);
        let judged = judge(graph, store, (&order, &looks))?;
        let records = looks.iter().filter_map(|(_, record)| record.as_ref());
        Ok(Self {
            trials: outputs.len(),
            trials_done: outputs.iter().filter(|place| looks[**place].0 == State::Done).count(),
            disk_used_bytes: records.map(ResultRecord::bytes).sum(),
            disk_estimate_bytes: judged.iter().map(|judged| judged.bytes).sum(),
            stages: planned(graph, order, looks, (needed, judged)),
            reads,
        })
    }

    /// How many stages are in each state.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for stage in &self.stages {
            *match stage.state {
                State::Done => &mut counts.done,
                State::Partial => &mut counts.partial,
                State::Missing => &mut counts.missing,
                State::Running => &mut counts.running,
                State::Damaged(_) => &mut counts.damaged,
            } += 1;
        }
        counts
    }

    /// The stages that a run would compute, in order.
    pub fn to_run(&self) -> impl Iterator<Item = &Planned> {
        self.stages.iter().filter(|stage| stage.to_run())
    }

    /// How long that would take on `jobs` slots.
    pub fn eta(&self, jobs: usize) -> Eta {
        let seconds =
            |stage: &Planned| stage.to_run().then(|| stage.estimate_seconds.unwrap_or(0.0));
        let seconds: Vec<Option<f64>> = self.stages.iter().map(seconds).collect();
        let unknown = self.to_run().filter(|stage| stage.estimate_seconds.is_none()).count();
        Eta { seconds: makespan(&seconds, &self.reads, jobs), unknown }
    }
}

type Look = (State, Option<ResultRecord>);

/// What comparing an unfinished stage with finished ones tells.
#[derive(Default)]
struct Judged {
    seconds: Option<f64>,
    bytes: u64,
    reason: String,
}

fn planned(
    graph: &Graph,
    order: Vec<Key>,
    looks: Vec<Look>,
    (needed, judged): (Vec<usize>, Vec<Judged>),
) -> Vec<Planned> {
    let stages = order.into_iter().zip(looks).zip(needed.into_iter().zip(judged));
    let planned = stages.filter_map(|((key, (state, _)), (trials, judged))| {
        let kind = graph.stage(&key)?.kind.clone();
        let Judged { seconds: estimate_seconds, reason, .. } = judged;
        Some(Planned { key, kind, state, trials, estimate_seconds, reason })
    });
    planned.collect()
}

fn reads(graph: &Graph, places: &BTreeMap<&Key, usize>, key: &Key) -> Vec<usize> {
    let inputs = graph.stage(key).into_iter().flat_map(|stage| stage.inputs.values());
    inputs.filter_map(|input| places.get(input).copied()).collect()
}

/// For each stage the number of outputs that need it.
fn needed_by(outputs: &[usize], reads: &[Vec<usize>]) -> Vec<usize> {
    let mut counts = vec![0; reads.len()];
    let mut last_trial = vec![usize::MAX; reads.len()];
    for (trial, output) in outputs.iter().enumerate() {
        let mut pending = vec![*output];
        while let Some(stage) = pending.pop() {
            if last_trial[stage] != trial {
                last_trial[stage] = trial;
                counts[stage] += 1;
                pending.extend(&reads[stage]);
            }
        }
    }
    counts
}

/// Compares every unfinished stage with the nearest finished one of its kind.
fn judge(
    graph: &Graph,
    store: &Store,
    (order, looks): (&[Key], &[Look]),
) -> Result<Vec<Judged>, EngineError> {
    let mut queries: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, (state, _)) in order.iter().zip(looks) {
        if let Some(stage) = graph.stage(key).filter(|_| *state != State::Done) {
            *queries.entry(&stage.kind).or_default() += 1;
        }
    }
    // Reading all that the store has done is only worth it if something is to be compared.
    let archive = if queries.is_empty() { Archive::default() } else { Archive::load(store)? };
    let shelf = |(kind, queries)| (kind, Shelf::new(&archive, kind, None, queries));
    let judge = Judge {
        graph,
        store,
        archive: &archive,
        shelves: queries.into_iter().map(shelf).collect(),
    };
    let stages = order.par_iter().zip(looks);
    let judged = stages.map_init(OwnFeatures::default, |features, (key, (state, _))| {
        judge.one(features, key, state)
    });
    Ok(judged.collect())
}

/// The first number above zero that a spec calls `steps`, wherever it stands: the length of a
/// training or a sampling.
fn steps(spec: &Value) -> Option<f64> {
    match spec {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let own = value.as_f64().filter(|steps| name == "steps" && *steps > 0.0);
            own.or_else(|| steps(value))
        }),
        Value::Array(values) => values.iter().find_map(steps),
        _ => None,
    }
}

struct Judge<'a> {
    graph: &'a Graph,
    store: &'a Store,
    archive: &'a Archive,
    /// By kind.
    shelves: BTreeMap<&'a str, Shelf<'a>>,
}

impl Judge<'_> {
    fn one(&self, features: &mut OwnFeatures, key: &Key, state: &State) -> Judged {
        let stage = self.graph.stage(key).filter(|_| *state != State::Done);
        let Some(stage) = stage else {
            return Judged { reason: "done".into(), ..Judged::default() };
        };
        let wanted = features.expand(stage, &|key| self.graph.stage(key));
        let shelf = self.shelves.get(stage.kind.as_str());
        let nearest = shelf.and_then(|shelf| shelf.nearest(&wanted));
        let stored = nearest.and_then(|key| self.archive.get(key));
        let record = stored.map(|stored| &stored.record);
        let like = nearest.and_then(|key| self.archive.stage(key));
        let longer = like.and_then(|like| Some(steps(&stage.spec)? / steps(&like.spec)?));
        let seconds = shelf.zip(record).map(|(shelf, record)| shelf.seconds(record));
        let seconds = seconds.map(|seconds| seconds * longer.unwrap_or(1.0));
        let entry = self.store.entry(key);
        let (_, reason) = explain(self.graph, self.archive, (&entry, stage), state, nearest);
        let bytes = record.map_or(0, ResultRecord::bytes);
        Judged { seconds, bytes, reason }
    }
}
