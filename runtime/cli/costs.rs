//! What trials took: read off specs, files and the store's records.

use ffrun_reports::rows::Observation;

use crate::{
    engine::{Graph, Key, Store, Trial},
    metrics::Subject,
    script::Experiment,
    stages::{clipset, costs},
};

/// The declared costs of a trial that is done.
pub(super) fn of(experiment: &Experiment, store: &Store, trial: &Trial) -> Vec<Observation> {
    let declared = experiment.metrics.iter().map(|metric| metric.name.as_str());
    let declared: Vec<&str> = declared.filter(|name| Subject::of(name) == Subject::Cost).collect();
    let sampling = nearest(&experiment.graph, &trial.output);
    let Some(sampling) = sampling.filter(|_| !declared.is_empty()) else { return Vec::new() };
    let observation = |name: &str| {
        let value = value(name, &experiment.graph, store, &sampling)?;
        Some(Observation {
            settings: trial.settings.clone(),
            seed: trial.seed,
            metric: name.to_owned(),
            identity: None,
            value,
        })
    };
    declared.into_iter().filter_map(observation).collect()
}

/// The `generate` stage behind a measurement.
fn nearest(graph: &Graph, output: &Key) -> Option<Key> {
    let mut pending = vec![*output];
    while let Some(key) = pending.pop() {
        let stage = graph.stage(&key)?;
        if stage.kind == "generate" {
            return Some(key);
        }
        pending.extend(stage.inputs.values().rev());
    }
    None
}

fn value(name: &str, graph: &Graph, store: &Store, sampling: &Key) -> Option<f64> {
    let stage = graph.stage(sampling)?;
    let tuned = stage.inputs.get("tuned");
    let record = |key: &Key| store.entry(key).result().ok().flatten();
    match name {
        "trained_parameters" => {
            let of = |key: &Key| costs::trained_values(&store.entry(key).out()) as f64 / 1e6;
            Some(tuned.map_or(0.0, of))
        }
        "passes" => Some(costs::of(graph, stage)?.passes as f64),
        "gflop_per_clip" => Some(costs::of(graph, stage)?.operations? / 1e9),
        "seconds_per_clip" => {
            let clips = clipset::count(&store.entry(sampling).out()).filter(|clips| *clips > 0)?;
            Some(record(sampling)?.seconds / clips as f64)
        }
        "sampling_memory" => Some(record(sampling)?.peak_mib).filter(|mib| *mib > 0.0),
        "tuning_memory" => Some(record(tuned?)?.peak_mib).filter(|mib| *mib > 0.0),
        _ => None,
    }
}
