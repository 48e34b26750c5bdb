//! `manifest.toml`: what it takes to repeat a run, and what the run took.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{exit::Exit, laboratory::Laboratory, machine::Machine};
use crate::{
    engine::{clock, files, host},
    script::Experiment,
};

/// The manifest. Plain data, so that another program can read it.
#[derive(Debug, Serialize)]
pub(super) struct Manifest {
    format: u32,
    experiment: String,
    asks: String,
    scale: String,
    /// How to repeat the run.
    pub(super) command: String,
    written_unix: u64,
    trials_planned: usize,
    trials_finished: usize,
    program: Program,
    machine: Machine,
    cost: Cost,
    trial: Vec<TrialRow>,
}

#[derive(Debug, Serialize)]
struct Program {
    name: String,
    version: String,
    /// Blake3 of the program that wrote this.
    digest: String,
    /// Blake3 of the script's text.
    script_digest: String,
    /// Commit of the folder the script lies in; empty outside a git checkout.
    commit: String,
}

/// What all stages of the graph took when they were computed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Cost {
    /// Seconds of all stages added up.
    pub(super) stage_seconds: f64,
    /// Largest memory of a worker in MiB.
    pub(super) peak_mib: f64,
    /// Bytes of all results.
    pub(super) bytes: u64,
}

#[derive(Debug, Serialize)]
struct TrialRow {
    seed: u64,
    output: String,
    settings: BTreeMap<String, serde_json::Value>,
}

impl Manifest {
    /// The manifest of an experiment as it stands.
    pub(super) fn of(lab: &Laboratory, experiment: &Experiment, finished: usize) -> Self {
        let script = std::fs::read(&lab.file).unwrap_or_default();
        let trials = experiment.graph.trials();
        Self {
            format: 1,
            experiment: experiment.name.clone(),
            asks: experiment.asks.clone(),
            scale: experiment.scale.clone(),
            command: command(lab),
            written_unix: clock::unix_seconds(),
            trials_planned: trials.len(),
            trials_finished: finished,
            program: Program {
                name: "ffrun".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                digest: host::digest().to_owned(),
                script_digest: blake3::hash(&script).to_hex().to_string(),
                commit: commit(&lab.file),
            },
            machine: Machine::here(),
            cost: cost(lab, experiment),
            trial: trials
                .iter()
                .map(|trial| TrialRow {
                    seed: trial.seed,
                    output: trial.output.to_string(),
                    settings: trial.settings.clone(),
                })
                .collect(),
        }
    }

    /// Facts for the end of the report page.
    pub(super) fn facts(&self) -> Vec<(String, String)> {
        let machine = &self.machine;
        let mut facts = vec![
            ("Repeat with".to_owned(), self.command.clone()),
            ("Scale".to_owned(), self.scale.clone()),
            ("Trials".to_owned(), format!("{} of {}", self.trials_finished, self.trials_planned)),
            (
                "Computed in".to_owned(),
                format!("{:.0} s of stages, one after the other", self.cost.stage_seconds),
            ),
            ("Peak memory of a worker".to_owned(), format!("{:.0} MiB", self.cost.peak_mib)),
            (
                "Machine".to_owned(),
                format!("{} ({}, {} cores)", machine.cpu, machine.system, machine.cores),
            ),
            (
                "ffrun".to_owned(),
                format!(
                    "{} ({})",
                    self.program.version,
                    &self.program.digest[..8.min(self.program.digest.len())]
                ),
            ),
        ];
        if !self.program.commit.is_empty() {
            facts.push(("Commit".to_owned(), self.program.commit.clone()));
        }
        facts
    }

    /// Writes `manifest.toml`.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Exit> {
        let text = toml::to_string(self)
            .map_err(|error| Exit::failed(format!("cannot write the manifest: {error}")))?;
        Ok(files::write_atomic(&folder.join("manifest.toml"), text.as_bytes())?)
    }
}

/// The shortest command that repeats the run.
fn command(lab: &Laboratory) -> String {
    let mut words = vec!["ffrun".to_owned(), lab.file.display().to_string()];
    if lab.options.scale != "tiny" {
        words.push(format!("--scale {}", lab.options.scale));
    }
    if lab.options.seed != 0 {
        words.push(format!("--seed {}", lab.options.seed));
    }
    if lab.devices != ["cpu"] {
        words.push(format!("--device {}", lab.devices.join(",")));
    }
    words.extend(lab.options.settings.iter().map(|(key, value)| format!("-P {key}={value}")));
    words.join(" ")
}

fn cost(lab: &Laboratory, experiment: &Experiment) -> Cost {
    let mut cost = Cost::default();
    for (key, _) in experiment.graph.stages() {
        if let Ok(Some(record)) = lab.store.entry(key).result() {
            cost.stage_seconds += record.seconds;
            cost.peak_mib = cost.peak_mib.max(record.peak_mib);
            cost.bytes += record.bytes();
        }
    }
    cost
}

/// The commit that is checked out where the script lies, read from git's own files.
fn commit(script: &Path) -> String {
    let start = script.parent().map(Path::to_owned).unwrap_or_default();
    let start =
        std::fs::canonicalize(if start.as_os_str().is_empty() { ".".into() } else { start });
    let Ok(start) = start else { return String::new() };
    let Some(git) = start.ancestors().map(|folder| folder.join(".git")).find(|git| git.is_dir())
    else {
        return String::new();
    };
    let read = |name: &str| std::fs::read_to_string(git.join(name)).unwrap_or_default();
    let head = read("HEAD").trim().to_owned();
    let Some(branch) = head.strip_prefix("ref: ") else { return head };
    let loose = read(branch).trim().to_owned();
    if !loose.is_empty() {
        return loose;
    }
    let packed = read("packed-refs");
    let line = packed.lines().find(|line| line.ends_with(branch));
    line.and_then(|line| line.split(' ').next()).unwrap_or_default().to_owned()
}
