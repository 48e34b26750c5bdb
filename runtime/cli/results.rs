//! From the store to rows: what an experiment has measured so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use ffrun_reports::rows::{Anchor, CurvePoint, Observation, Results};

use super::{exit::Exit, trainings};
use crate::{
    engine::{EngineError, Key, Store, Trial},
    script::Experiment,
    stages::{
        curves,
        scores::{self, AnchorScore, Score},
    },
};

/// What one trial left, read once.
#[derive(Debug)]
struct Read {
    scores: Vec<Score>,
    anchors: Vec<AnchorScore>,
    curves: Vec<(u64, String, f64)>,
}

/// Reads trials out of a store and remembers them: results never change.
#[derive(Debug, Default)]
pub(super) struct Reader {
    known: Mutex<BTreeMap<Key, Arc<Read>>>,
}

impl Reader {
    /// Everything measured so far, in the declared order of trials.
    pub(super) fn gather(&self, experiment: &Experiment, store: &Store) -> Result<Results, Exit> {
        let mut results = Results {
            experiment: experiment.name.clone(),
            asks: experiment.asks.clone(),
            scale: experiment.scale.clone(),
            varied: experiment.vary.clone(),
            metrics: experiment.metrics.clone(),
            planned: experiment.graph.trials().len(),
            ..Results::default()
        };
        let mut anchors = BTreeMap::<(String, String), (f64, u32)>::new();
        for trial in experiment.graph.trials() {
            let Some(read) = self.trial(experiment, store, trial)? else { continue };
            results.finished += 1;
            add(&mut results, trial, &read);
            for anchor in &read.anchors {
                let sum = anchors.entry((anchor.metric.clone(), anchor.label.clone())).or_default();
                *sum = (sum.0 + anchor.value, sum.1 + 1);
            }
        }
        results.anchors = anchors
            .into_iter()
            .filter(|((metric, _), _)| experiment.metrics.iter().any(|known| known.name == *metric))
            .map(|((metric, label), (sum, count))| Anchor {
                label,
                metric,
                value: sum / f64::from(count),
            })
            .collect();
        Ok(results)
    }

    fn trial(
        &self,
        experiment: &Experiment,
        store: &Store,
        trial: &Trial,
    ) -> Result<Option<Arc<Read>>, Exit> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.get(&trial.output) {
            return Ok(Some(Arc::clone(read)));
        }
        let entry = store.entry(&trial.output);
        match entry.result() {
            Ok(Some(_)) => {}
            // Damage is repaired by running; until then the trial counts as not measured.
            Ok(None) | Err(EngineError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let out = entry.out();
        let read = Arc::new(Read {
            scores: rows(&out.join(scores::SCORES))?,
            anchors: rows(&out.join(scores::ANCHORS))?,
            curves: training_curves(experiment, store, trial)?,
        });
        known.insert(trial.output, Arc::clone(&read));
        Ok(Some(read))
    }
}

fn add(results: &mut Results, trial: &Trial, read: &Read) {
    let declared: Vec<String> = results.metrics.iter().map(|metric| metric.name.clone()).collect();
    let scores = read.scores.iter().filter(|score| declared.contains(&score.metric));
    results.observations.extend(scores.map(|score| Observation {
        settings: trial.settings.clone(),
        seed: trial.seed,
        metric: score.metric.clone(),
        identity: score.identity.clone(),
        value: score.value,
    }));
    results.curves.extend(read.curves.iter().map(|(step, curve, value)| CurvePoint {
        settings: trial.settings.clone(),
        seed: trial.seed,
        curve: curve.clone(),
        step: *step,
        value: *value,
    }));
}

/// Curves of the trainings behind a trial's evaluation. A training that went on from another is
/// drawn as one; of two trainings that log the same curve the first counts.
fn training_curves(
    experiment: &Experiment,
    store: &Store,
    trial: &Trial,
) -> Result<Vec<(u64, String, f64)>, Exit> {
    let mut all: Vec<(u64, String, f64)> = Vec::new();
    for rounds in trainings::of(&experiment.graph, &trial.output) {
        let (mut found, mut done) = (Vec::new(), 0);
        for round in rounds {
            let path = store.entry(&round).out().join(curves::FILE);
            if !path.exists() {
                continue;
            }
            let rows = curves::read(&path).map_err(|error| unreadable(&path, &error))?;
            let last = rows.iter().map(|(step, ..)| *step).max().unwrap_or(0);
            found.extend(rows.into_iter().map(|(step, name, value)| (done + step, name, value)));
            done += last;
        }
        let known: BTreeSet<String> = all.iter().map(|(_, name, _)| name.clone()).collect();
        all.extend(found.into_iter().filter(|(_, name, _)| !known.contains(name)));
    }
    Ok(all)
}

fn rows<T: for<'de> serde::Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Exit> {
    scores::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &csv::Error) -> Exit {
    Exit::Plain {
        code: 5,
        message: format!(
            "`{}` is not readable CSV: {error}; `ffrun fsck --repair` moves it aside, then it is \
             computed again",
            path.display()
        ),
    }
}
