//! `manifest.toml`: what it takes to repeat a run, and what the run took.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ffrun_reports::sheet::Claim;
use serde::Serialize;

use super::{checkout, exit::Exit, laboratory::Laboratory, machine::Machine, report::Written};
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
    /// Training seeds of the trials.
    seeds: BTreeSet<u64>,
    /// Whether the checkout differed from its commit; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dirty: Option<bool>,
    program: Program,
    /// Kind of every stage → version of what it computes.
    stage_versions: BTreeMap<String, u32>,
    machine: Machine,
    cost: Cost,
    metric: Vec<MetricRow>,
    claim: Vec<Claim>,
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
    /// Blake3 of every program that computed a stage: a store may outlive the program of its day.
    programs: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct MetricRow {
    name: String,
    version: u32,
}

#[derive(Debug, Serialize)]
struct TrialRow {
    seed: u64,
    output: String,
    settings: BTreeMap<String, serde_json::Value>,
}

impl Manifest {
    /// The manifest of an experiment as it stands.
    pub(super) fn of(lab: &Laboratory, experiment: &Experiment, written: &Written) -> Self {
        let script = std::fs::read(&lab.file).unwrap_or_default();
        let graph = &experiment.graph;
        let trials = graph.trials();
        Self {
            format: 1,
            experiment: experiment.name.clone(),
            asks: experiment.asks.clone(),
            scale: experiment.scale.clone(),
            command: command(lab),
            written_unix: clock::unix_seconds(),
            trials_planned: trials.len(),
            trials_finished: written.results.finished,
            seeds: trials.iter().map(|trial| trial.seed).collect(),
            dirty: None,
            program: Program {
                name: "ffrun".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                digest: host::digest().to_owned(),
                script_digest: blake3::hash(&script).to_hex().to_string(),
                commit: checkout::commit(&lab.file),
            },
            stage_versions: graph
                .stages()
                .map(|(_, stage)| (stage.kind.clone(), stage.version))
                .collect(),
            machine: Machine::here(),
            cost: cost(lab, experiment),
            metric: experiment
                .metrics
                .iter()
                .map(|metric| MetricRow { name: metric.name.clone(), version: metric.version })
                .collect(),
            claim: written.claims.clone(),
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
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let mut facts = vec![
            ("Repeat with".to_owned(), self.command.clone()),
            ("Scale".to_owned(), self.scale.clone()),
            ("Trials".to_owned(), format!("{} of {}", self.trials_finished, self.trials_planned)),
            ("Seeds".to_owned(), seeds.join(", ")),
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
            let changed = if self.dirty == Some(true) { ", with local changes" } else { "" };
            facts.push(("Commit".to_owned(), format!("{}{changed}", self.program.commit)));
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
            cost.programs.insert(record.host_digest);
        }
    }
    cost
}
