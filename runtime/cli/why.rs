//! `ffrun why`: the nearest stored stage and the exact field that differs.

use std::process::ExitCode;

use serde_json::json;

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    labels::labels,
    laboratory::Laboratory,
};
use crate::{
    engine::{self, Key, Plan},
    script::Experiment,
};

/// Runs the verb.
pub(super) fn why(
    args: &args::Why,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let lab = Laboratory::open(&args.experiment, settings)?;
    let experiment = lab.load()?;
    let keys: Vec<Key> = match &args.stage {
        Some(text) => vec![find(&experiment, text)?],
        None => Plan::of(&experiment.graph, &lab.store)?.to_run().map(|stage| stage.key).collect(),
    };
    if keys.is_empty() && !global.json {
        println!("nothing would run: every stage has a result");
    }
    let names = labels(&experiment.graph);
    for key in keys {
        let why = engine::why(&experiment.graph, &lab.store, &key)?;
        if global.json {
            println!("{}", json!({ "v": 1, "event": "why", "why": why }));
            continue;
        }
        let name = names.get(&key).map_or(why.kind.as_str(), String::as_str);
        println!("{}  {name}: {}", key.short(), why.reason);
        for diff in &why.differences {
            println!(
                "    {}: {} → {}",
                diff.path,
                text(diff.was.as_ref()),
                text(diff.now.as_ref())
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(value: Option<&serde_json::Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

fn find(experiment: &Experiment, text: &str) -> Result<Key, Exit> {
    let matching: Vec<Key> = experiment
        .graph
        .stages()
        .map(|(key, _)| *key)
        .filter(|key| key.to_string().starts_with(text))
        .collect();
    match matching.as_slice() {
        [key] => Ok(*key),
        [] => Err(Exit::usage(format!(
            "no stage of this experiment begins with `{text}`; `ffrun plan` lists them"
        ))),
        several => Err(Exit::usage(format!(
            "`{text}` begins the keys of {} stages; give more digits",
            several.len()
        ))),
    }
}
