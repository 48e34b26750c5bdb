//! `ffrun status`: which trials are done, running and waiting.

use std::process::ExitCode;

use serde_json::json;

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    labels::labels,
    opened::Opened,
};
use crate::engine::{Plan, State};

/// Runs the verb.
pub(super) fn status(
    args: &args::Experiment,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    for one in Opened::each(args, settings)? {
        print(&one, global)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(Opened { lab, experiment }: &Opened, global: &Global) -> Result<(), Exit> {
    let plan = Plan::of(&experiment.graph, &lab.store)?;
    let names = labels(&experiment.graph);
    if global.json {
        for stage in &plan.stages {
            let name = names.get(&stage.key);
            let line = json!({ "v": 1, "event": "status", "key": stage.key, "name": name,
                               "state": stage.state });
            println!("{line}");
        }
        return Ok(());
    }
    for stage in &plan.stages {
        let state = match &stage.state {
            State::Done => "done",
            State::Partial => "stopped",
            State::Missing => "waiting",
            State::Running => "running",
            State::Damaged(_) => "damaged",
        };
        // The finished ones are the bulk; `-v` lists them too.
        if stage.state != State::Done || global.verbose > 0 {
            let name = names.get(&stage.key).map_or(stage.kind.as_str(), String::as_str);
            println!("{state:<8} {}  {name}", stage.key.short());
        }
    }
    println!("{}: {} of {} trials measured", experiment.name, plan.trials_done, plan.trials);
    Ok(())
}
