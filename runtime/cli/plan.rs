//! `ffrun plan`: what would run and why, without running it.

use std::{collections::BTreeMap, process::ExitCode};

use serde_json::json;

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    labels::labels,
    machine, memory,
    opened::{self, Opened},
    summary::{bytes_text, duration_text},
};
use crate::engine::{Key, Plan, Planned};

/// Stages listed one by one before the rest is only counted; `-v` lists all.
const LISTED: usize = 40;

/// Runs the verb.
pub(super) fn plan(
    args: &args::Experiment,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let opened = Opened::each(args, settings)?;
    let jobs = settings.file.jobs.unwrap_or_else(machine::cores);
    let lab = &opened[0].lab;
    if opened.len() > 1 && !global.json {
        for Opened { lab, experiment } in &opened {
            println!("{}: {}", experiment.name, totals(&Plan::of(&experiment.graph, &lab.store)?));
        }
        println!();
    }
    let graph = opened::union(&opened)?;
    let plan = Plan::of(&graph, &lab.store)?;
    if global.json {
        print_json(&plan, jobs);
        return Ok(ExitCode::SUCCESS);
    }
    let shown = if global.verbose > 0 { usize::MAX } else { LISTED };
    if global.quiet == 0 {
        let names = labels(&graph);
        for stage in plan.to_run().take(shown) {
            println!("{}", line(stage, &names));
        }
        let more = plan.to_run().count().saturating_sub(shown);
        if more > 0 {
            println!("… and {more} more (-v lists all)");
        }
        if plan.to_run().next().is_some() {
            println!();
        }
    }
    print_totals(&plan, jobs);
    memory::print(&graph, &plan, &lab.options.scale);
    memory::check(lab, &graph, &plan)?;
    // The process ends here; freeing tens of thousands of stages one by one takes a tenth of a second.
    std::mem::forget((opened, graph, plan));
    Ok(ExitCode::SUCCESS)
}

fn line(stage: &Planned, names: &BTreeMap<Key, String>) -> String {
    let name = names.get(&stage.key).map_or(stage.kind.as_str(), String::as_str);
    let time = stage
        .estimate_seconds
        .map_or(String::new(), |seconds| format!("~{}", duration_text(seconds)));
    format!("{}  {name:<44} {time:>8}  {}", stage.key.short(), stage.reason)
}

/// `9 trials, 3 measured; stages: 12 done, …`.
fn totals(plan: &Plan) -> String {
    let counts = plan.counts();
    format!(
        "{} trials, {} measured; stages: {} done, {} to run, {} running, {} damaged",
        plan.trials,
        plan.trials_done,
        counts.done,
        counts.partial + counts.missing,
        counts.running,
        counts.damaged
    )
}

fn print_totals(plan: &Plan, jobs: usize) {
    let counts = plan.counts();
    println!("{}", totals(plan));
    let eta = plan.eta(jobs);
    if counts.partial + counts.missing > 0 {
        let unknown = match eta.unknown {
            0 => String::new(),
            count => format!(" (and {count} stages nothing is known of yet)"),
        };
        println!("about {} on {jobs} jobs{unknown}", duration_text(eta.seconds));
    }
    println!(
        "disk: {} used, about {} more",
        bytes_text(plan.disk_used_bytes),
        bytes_text(plan.disk_estimate_bytes)
    );
}

fn print_json(plan: &Plan, jobs: usize) {
    for stage in &plan.stages {
        println!("{}", json!({ "v": 1, "event": "stage", "stage": stage }));
    }
    println!(
        "{}",
        json!({ "v": 1, "event": "plan", "trials": plan.trials, "trials_done": plan.trials_done,
                "counts": plan.counts(), "eta_seconds": plan.eta(jobs).seconds,
                "disk_used_bytes": plan.disk_used_bytes,
                "disk_estimate_bytes": plan.disk_estimate_bytes })
    );
}
