//! An experiment: a script that was read, with the graph of everything it needs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ffrun_reports::{
    rows::{Metric, Results},
    sheet,
};
use rhai::Dynamic;
use serde_json::Value;

use super::{
    building::Evaluation,
    convert::type_name,
    diagnostic::Diagnostic,
    host::Host,
    options::{SCALES, ScriptOptions},
    phase::Phase,
    program::Program,
    reporting,
    suggest::did_you_mean_or_list,
    trial::Trial,
};
use crate::engine::graph::{self, Graph};

/// A script after its top level and every `run(trial)` were evaluated. Nothing is computed yet.
pub struct Experiment {
    /// Folder name of its results.
    pub name: String,
    /// The question it asks.
    pub asks: String,
    /// The `//!` head of the script.
    pub doc: String,
    /// Scale it was read at.
    pub scale: String,
    /// Seeds of every point.
    pub seeds: u64,
    /// Varied settings with their values, in order.
    pub vary: Vec<(String, Vec<Value>)>,
    /// Declared metrics, in order.
    pub metrics: Vec<Metric>,
    /// Whether it runs only when named, and not as one of a folder.
    pub alone: bool,
    /// Every stage and every trial.
    pub graph: Graph,
    /// Every file that was read, for whoever watches.
    pub files: Vec<PathBuf>,
    program: Program,
}

impl Experiment {
    /// Reads a script and asks it for every trial.
    ///
    /// # Errors
    /// A [`Diagnostic`] with file, line and remedy.
    pub fn load(path: &Path, options: &ScriptOptions) -> Result<Self, Box<Diagnostic>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read `{}`: {error}", path.display());
            Diagnostic::unplaced("file", message).hint("name a `.rhai` file")
        })?;
        let mut experiment = Self::read(&path.display().to_string(), &text, options)?;
        experiment.files.insert(0, path.to_owned());
        Ok(experiment)
    }

    /// Reads a script from a text; `file` is the name that its errors carry.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn read(file: &str, text: &str, options: &ScriptOptions) -> Result<Self, Box<Diagnostic>> {
        check_scale(&options.scale)?;
        let host = Host::new(options.clone());
        let program = Program::compile(host.clone(), file, text)?;
        program.declare()?;
        let Some(declared) = host.state().declaration.clone() else {
            let missing = program.about("run", "contract", "the script declares no experiment");
            return Err(Box::new(missing.hint("call `declare(#{ … })` at the top level")));
        };
        if !program.defines("run") {
            let missing = program.about("run", "contract", "the script has no `fn run(trial)`");
            return Err(Box::new(missing.hint("`run` says what one trial is")));
        }
        // Seeds outside: the first seed of every point fills the table, the others narrow it.
        for seed in 0..declared.seeds {
            for point in declared.points() {
                let settings = Arc::new(point.into_iter().collect::<BTreeMap<_, _>>());
                one_trial(&program, &settings, options.seed + seed)?;
            }
        }
        check_overrides(&host)?;
        let graph = std::mem::take(&mut host.state().graph);
        Ok(Self {
            name: declared.name,
            asks: declared.asks,
            doc: program.doc(),
            scale: options.scale.clone(),
            seeds: declared.seeds,
            vary: declared.vary,
            metrics: declared.metrics,
            alone: declared.alone,
            graph,
            files: program.read.clone(),
            program,
        })
    }

    /// What `report(results)` asks to be drawn, in its order. A script without one gets a table
    /// of everything.
    ///
    /// # Errors
    /// As [`Experiment::load`], and a builder that was not saved.
    pub fn report(&self, results: &Results) -> Result<Vec<sheet::Item>, Box<Diagnostic>> {
        if !self.program.defines("report") {
            return Ok(vec![reporting::everything(results)]);
        }
        self.clear(results);
        let handle = reporting::handle(&self.program.host, results);
        let _ = self.program.call(Phase::Report, "report", handle)?;
        let state = self.program.host.state();
        let Some((words, position)) = state.unsaved.first().cloned() else {
            return Ok(state.items.clone());
        };
        drop(state);
        let about = self.program.at(position, "contract", format!("{words} is never saved"));
        Err(Box::new(about.hint("end it with `.save()`")))
    }

    /// The verdicts of `claims(results)`, in its order.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn claims(&self, results: &Results) -> Result<Vec<sheet::Claim>, Box<Diagnostic>> {
        if !self.program.defines("claims") {
            return Ok(Vec::new());
        }
        self.clear(results);
        let handle = reporting::handle(&self.program.host, results);
        let _ = self.program.call(Phase::Claims, "claims", handle)?;
        Ok(self.program.host.state().claims.clone())
    }

    fn clear(&self, results: &Results) {
        let mut state = self.program.host.state();
        state.items.clear();
        state.unsaved.clear();
        state.claims.clear();
        state.unmeasured = false;
        state.progress = Some((results.finished, results.planned));
    }
}

fn check_scale(scale: &str) -> Result<(), Box<Diagnostic>> {
    if SCALES.contains(&scale) {
        return Ok(());
    }
    let mut unknown = Diagnostic::unplaced("option", format!("unknown scale `{scale}`"));
    unknown.hint = did_you_mean_or_list(scale, SCALES);
    Err(Box::new(unknown))
}

/// Calls `run` for one point and one seed, and adds the trial to the graph.
fn one_trial(
    program: &Program,
    settings: &Arc<BTreeMap<String, Value>>,
    seed: u64,
) -> Result<(), Box<Diagnostic>> {
    let trial = Trial { settings: settings.clone(), seed };
    let value = program.call(Phase::Run, "run", Dynamic::from(trial))?;
    let got = type_name(&value);
    let Some(evaluation) = value.try_cast::<Evaluation>() else {
        let message = format!("`run` must return what `evaluate(…)` gives, but it returned {got}");
        let about = program.about("run", "contract", message);
        return Err(Box::new(
            about.hint("end it with `evaluate(fitted, faces.test)`, no semicolon"),
        ));
    };
    let settings = settings.as_ref().clone();
    let trial = graph::Trial { settings, seed, output: evaluation.key };
    program.host.state().graph.push_trial(trial);
    Ok(())
}

/// Refuses a `-P` key that nothing in the script or the stdlib asked for.
fn check_overrides(host: &Host) -> Result<(), Box<Diagnostic>> {
    let state = host.state();
    let varied = state.declaration.iter().flat_map(|declared| &declared.vary);
    let mut known: Vec<&str> = varied.map(|(name, _)| name.as_str()).collect();
    known.push("seeds");
    known.extend(state.scale_numbers.iter().map(String::as_str));
    for (key, _) in &host.options.settings {
        if !known.contains(&key.as_str()) {
            let message = format!("`-P {key}=…` sets nothing in this script");
            let mut unknown = Diagnostic::unplaced("option", message);
            unknown.hint = did_you_mean_or_list(key, known.iter().copied());
            return Err(Box::new(unknown));
        }
    }
    Ok(())
}
