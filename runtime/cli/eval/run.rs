//! The course of `ffrun eval`: read the list, look at what is new, measure, report.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{args::Eval, facts::facts, outcome, sight::sight};
use crate::{
    cli::{
        args::Global, config::Settings, environment, exit::Exit, live::Live, machine,
        signals::Signals,
    },
    engine::{Event, Execution, Key, SharedGraph, Slot, Store, Summary, execute},
    eval::{Desk, Failure, Heading, List, Measured, Plan, Report, Sampling},
    video::Ffmpeg,
};

/// Runs the verb.
pub(in crate::cli) fn eval(
    args: &Eval,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let list = List::read(&args.list).map_err(|error| Exit::usage(error.to_string()))?;
    let heading = heading(args, &list)?;
    let sight = sight(args, settings)?;
    let sampling = sampling(args);
    let ffmpeg = ffmpeg();
    let (store, signals) = (Store::at(&settings.store), Signals::listen());
    let live = Live::new(global);
    if !list.ignored.is_empty() {
        live.say(&format!("columns that mean nothing here: {}", list.ignored.join(", ")));
    }
    let asked = list.rows.iter().any(|row| row.movement.is_some());
    if asked && sight.networks.pose.is_none() {
        live.say(
            "the list asks for movements, and no network that tells poses is there to see them",
        );
    }
    let plan = Plan::new(&list, &sight, sampling, (&ffmpeg, &signals.stop));
    let slots = slots(args.jobs.or(settings.file.jobs));
    let keys: Vec<Key> = plan.names.keys().copied().collect();
    store.remember_plan(&heading.name, &keys)?;
    let desk = Desk::new(&store, (&sight, &ffmpeg), &plan.paths, &slots)?;
    begin(&live, &plan, &store, slots.len());
    let summary = execute(&Execution {
        graph: &SharedGraph::new(plan.graph.clone()),
        store: &store,
        launcher: &desk,
        slots,
        observer: &|event: Event| live.event(&event),
        stop: &signals.stop,
    })?;
    live.clear();
    let measured = Measured::new(&plan, &store, &reasons(&summary), (&sight.networks, sampling));
    let report = Report::new(&measured, &heading, &store)?;
    let folder = settings.runs.join(&heading.name);
    let facts = facts(args, (&sight, &ffmpeg), (&plan, &store));
    let written = report.write(&measured, facts, &folder)?;
    outcome::print(&measured, &report, &written.page, global);
    Ok(ExitCode::from(match summary.exit_code() {
        _ if signals.stopped() => signals.exit_code(),
        0 => u8::from(measured.failures().next().is_some()),
        code => code,
    }))
}

/// Shows what is to be done.
fn begin(live: &Live, plan: &Plan, store: &Store, jobs: usize) {
    let done = |key: &&Key| matches!(store.entry(key).result(), Ok(Some(_)));
    let keys = plan.names.keys();
    let pending: BTreeSet<Key> = keys.filter(|key| !done(key)).copied().collect();
    let opening = format!(
        "{} clips, {} clips and references to look at on {jobs} jobs",
        plan.rows.len(),
        pending.len()
    );
    live.begin(plan.names.clone(), pending, &opening);
}

fn heading(args: &Eval, list: &List) -> Result<Heading, Exit> {
    let methods = list.methods();
    if let Some(truth) = &args.truth
        && !methods.contains(truth)
    {
        let known = methods.join("`, `");
        let message = format!("`--truth {truth}` is no method of the list; it has `{known}`");
        return Err(Exit::usage(message));
    }
    let name = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    Ok(Heading {
        name: format!("eval-{}", name(&args.list).unwrap_or_default()),
        list: args.list.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        methods,
        truth: args.truth.clone(),
    })
}

fn sampling(args: &Eval) -> Sampling {
    let rules = args.rules.of_metrics();
    Sampling { rules, frames: args.frames.map_or(rules.frames(), |frames| frames as usize) }
}

/// The ffmpeg of the environment, or the one on the search path.
pub(in crate::cli) fn ffmpeg() -> Ffmpeg {
    let set = environment::setting("FFMPEG").map(PathBuf::from);
    set.map_or_else(Ffmpeg::default, |program| Ffmpeg::at(&program))
}

/// One slot per job, each with its share of the cores.
fn slots(jobs: Option<usize>) -> Vec<Slot> {
    let cores = machine::cores();
    let count = jobs.unwrap_or(cores).max(1);
    let threads = (cores / count).max(1);
    (0..count).map(|index| Slot { device: "cpu".to_owned(), index, threads }).collect()
}

/// Why stages have no result, the reason of a blocked one being that of the stage it needs.
fn reasons(summary: &Summary) -> BTreeMap<Key, String> {
    summary.failed.iter().map(|failure| (failure.key, failure.message.clone())).collect()
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Report(error) => error.into(),
            Failure::Store(error) => error.into(),
            Failure::Stage(error) => Self::failed(error.to_string()),
        }
    }
}
