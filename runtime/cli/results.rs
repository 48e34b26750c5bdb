//! From the store to rows: what an experiment has measured so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use ffrun_reports::rows::{Anchor, CurvePoint, Drawn, Figure, FrameScore, Observation, Results};

use super::{costs, exit::Exit, trainings};
use crate::{
    engine::{EngineError, Graph, Key, StageError, Store, Trial},
    metrics::PER_FRAME,
    script::Experiment,
    spec,
    stages::{
        curves, drawn,
        judge::frames::{self, Row},
        scores::{self, AnchorScore, Score},
    },
};

/// What one trial left, read once.
#[derive(Debug)]
struct Read {
    scores: Vec<Score>,
    anchors: Vec<AnchorScore>,
    curves: Vec<(u64, String, f64)>,
    costs: Vec<Observation>,
    frames: Vec<Row>,
    drawn: BTreeMap<String, Figure>,
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
            curves: training_curves(&experiment.graph, store, trial)?,
            costs: costs::of(experiment, store, trial),
            frames: frames_of(experiment, store, trial)?,
            drawn: figures(experiment, store, &trial.output)?,
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
    results.drawn.extend(read.drawn.iter().map(|(name, figure)| Drawn {
        settings: trial.settings.clone(),
        seed: trial.seed,
        name: name.clone(),
        figure: figure.clone(),
    }));
    // Two trials may share what they measured; what was read carries the settings of one of them.
    results.costs.extend(read.costs.iter().cloned().map(|cost| Observation {
        settings: trial.settings.clone(),
        seed: trial.seed,
        ..cost
    }));
    results.curves.extend(read.curves.iter().map(|(step, curve, value)| CurvePoint {
        settings: trial.settings.clone(),
        seed: trial.seed,
        curve: curve.clone(),
        step: *step,
        value: *value,
    }));
    let of = |row: &Row, metric: &str, value: f64| FrameScore {
        settings: trial.settings.clone(),
        seed: trial.seed,
        metric: metric.to_owned(),
        identity: row.identity.clone(),
        yaw_deg: row.yaw_deg,
        pitch_deg: row.pitch_deg,
        value,
    };
    let both = |row: &Row| {
        let values = [row.facesim_arc_in_world, row.facesim_cur_in_world];
        [0, 1].map(|place| of(row, PER_FRAME[place], values[place]))
    };
    results.frames.extend(read.frames.iter().flat_map(both));
}

/// Faces in the frames that a trial measured, itself or in one of its parts.
fn frames_of(experiment: &Experiment, store: &Store, trial: &Trial) -> Result<Vec<Row>, Exit> {
    let parts = experiment.graph.stage(&trial.output).into_iter().flat_map(|it| it.inputs.values());
    let mut found = Vec::new();
    for key in std::iter::once(&trial.output).chain(parts) {
        let path = store.entry(key).out().join(frames::FILE);
        if path.exists() {
            found.extend(frames::faces(&path).map_err(|error| unreadable(&path, &error))?);
        }
    }
    Ok(found)
}

/// What a measurement drew, or each of several that are one.
fn figures(
    experiment: &Experiment,
    store: &Store,
    measured: &Key,
) -> Result<BTreeMap<String, Figure>, Exit> {
    let mut found = drawn::read(&store.entry(measured).out()).map_err(damaged)?;
    let stage = experiment.graph.stage(measured);
    if let Some(stage) = stage.filter(|stage| stage.kind == spec::TOGETHER.0) {
        for part in stage.inputs.values() {
            found.extend(figures(experiment, store, part)?);
        }
    }
    Ok(found)
}

/// Step, name and value of every point.
pub(super) type Points = Vec<(u64, String, f64)>;

/// Curves of the trainings behind a trial's evaluation, of one that runs as far as its newest
/// checkpoint. A training that went on from another is drawn as one; of two trainings that log the
/// same curve the first counts.
pub(super) fn training_curves(graph: &Graph, store: &Store, trial: &Trial) -> Result<Points, Exit> {
    let mut all: Points = Vec::new();
    for rounds in trainings::of(graph, &trial.output) {
        let (mut found, mut done) = (Vec::new(), 0);
        for round in rounds {
            let entry = store.entry(&round);
            let folders = [entry.out(), entry.scratch()];
            let Some(path) = folders
                .map(|folder| folder.join(curves::FILE))
                .into_iter()
                .find(|path| path.exists())
            else {
                continue;
            };
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

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn damaged(error: StageError) -> Exit {
    Exit::Plain { code: 5, message: error.to_string() }
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
