//! The experiments that a command line names: scripts, and those of folders.

use std::path::{Path, PathBuf};

use super::{args, config::Settings, exit::Exit, laboratory::Laboratory};
use crate::{
    engine::{EngineError, Graph, Plan},
    script::Experiment,
};

/// An experiment that was read, and where it is done.
pub(super) struct Opened {
    /// Its store and its reports.
    pub(super) lab: Laboratory,
    /// What it declares.
    pub(super) experiment: Experiment,
}

impl Opened {
    /// Reads every experiment that is named, at least one. A folder stands for the scripts in it by
    /// name, except for those that declare themselves `alone`.
    pub(super) fn each(args: &args::Experiment, settings: &Settings) -> Result<Vec<Self>, Exit> {
        let mut opened: Vec<Self> = Vec::new();
        for path in &args.files {
            let folder = path.is_dir();
            for script in if folder { scripts(path)? } else { vec![path.clone()] } {
                let lab = Laboratory::of(&script, args, settings)?;
                let experiment = lab.load()?;
                if !(folder && experiment.alone) {
                    refuse_twice(&opened, &experiment, &script)?;
                    opened.push(Self { lab, experiment });
                }
            }
        }
        if opened.is_empty() {
            return Err(Exit::usage("the folder holds no experiment, that is, no `.rhai` script"));
        }
        Ok(opened)
    }
}

/// Two experiments of one name would write into one folder.
fn refuse_twice(opened: &[Opened], experiment: &Experiment, script: &Path) -> Result<(), Exit> {
    let Some(other) = opened.iter().find(|other| other.experiment.name == experiment.name) else {
        return Ok(());
    };
    Err(Exit::usage(format!(
        "`{}` and `{}` are both named `{}` and would overwrite each other's report; rename one",
        other.lab.file.display(),
        script.display(),
        experiment.name
    )))
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>, Exit> {
    let failed = |source| EngineError::io("list", folder, source);
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "rhai") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What a stage counts for whose time nobody knows, in seconds: about a training at `tiny`.
const UNKNOWN_SECONDS: f64 = 60.0;

/// One graph of all experiments, whose trials come in the order in which they are cheapest to
/// finish: each time the experiment that needs the least beyond what is there or was ordered before.
pub(super) fn union(opened: &[Opened]) -> Result<Graph, Exit> {
    let mut costs = Vec::new();
    for one in opened {
        let plan = Plan::of(&one.experiment.graph, &one.lab.store)?;
        let cost = |seconds: Option<f64>| seconds.unwrap_or(UNKNOWN_SECONDS);
        costs.push(
            plan.to_run()
                .map(|stage| (stage.key, cost(stage.estimate_seconds)))
                .collect::<Vec<_>>(),
        );
    }
    let mut graph = Graph::default();
    let mut left: Vec<usize> = (0..opened.len()).collect();
    loop {
        let beyond = |place: &usize| -> f64 {
            let new = costs[*place].iter().filter(|(key, _)| graph.stage(key).is_none());
            new.map(|(_, seconds)| seconds).sum()
        };
        let cheapest = left.iter().map(|place| (beyond(place), *place));
        let Some((_, next)) = cheapest.min_by(|a, b| a.0.total_cmp(&b.0)) else {
            return Ok(graph);
        };
        left.retain(|place| *place != next);
        graph.absorb(&opened[next].experiment.graph);
    }
}
