//! `ffrun doctor`: what this machine offers and what is wrong with it.

use std::process::ExitCode;

use serde_json::json;

use super::{args::Global, config::Settings, machine};
use crate::engine::files;

struct Check {
    name: &'static str,
    result: Result<String, String>,
    /// Whether a failure stops experiments from running.
    needed: bool,
}

/// Runs the verb. Exit code 6 if something needed is missing.
pub(super) fn doctor(global: &Global, settings: &Settings) -> ExitCode {
    let machine = machine::Machine::here();
    let checks = [
        Check { name: "ffrun", result: Ok(env!("CARGO_PKG_VERSION").to_owned()), needed: true },
        Check {
            name: "machine",
            result: Ok(format!(
                "{}, {} cores, {} MiB, {}",
                machine.system, machine.cores, machine.memory_mib, machine.cpu
            )),
            needed: true,
        },
        Check { name: "store", result: writable(&settings.store), needed: true },
        Check { name: "reports", result: writable(&settings.runs), needed: true },
        Check { name: "ffmpeg", result: ffmpeg(), needed: false },
        Check {
            name: "cuda",
            result: machine::cuda().map(|()| "device 0 answers".to_owned()),
            needed: false,
        },
    ];
    for check in &checks {
        let (mark, text) = match &check.result {
            Ok(text) => ("ok", text),
            Err(text) if check.needed => ("FAIL", text),
            Err(text) => ("no", text),
        };
        if global.json {
            let line = json!({ "v": 1, "event": "check", "name": check.name, "state": mark, "text": text });
            println!("{line}");
        } else {
            println!("{:<5}{:<9}{text}", mark, check.name);
        }
    }
    let healthy = checks.iter().all(|check| check.result.is_ok() || !check.needed);
    if healthy { ExitCode::SUCCESS } else { ExitCode::from(6) }
}

/// What decodes films for `ffrun eval`.
fn ffmpeg() -> Result<String, String> {
    let absent = "not found; `ffrun eval` needs it for films: install it or set FFRUN_FFMPEG";
    super::eval::ffmpeg().version().ok_or_else(|| absent.to_owned())
}

/// Whether files can be written here, tried with a real one.
fn writable(folder: &std::path::Path) -> Result<String, String> {
    let probe = folder.join(".doctor");
    let tried = files::create_dir(folder).and_then(|()| files::write_atomic(&probe, b"ok"));
    let removed = std::fs::remove_file(&probe);
    match (tried, removed) {
        (Ok(()), Ok(())) => Ok(format!("`{}` is writable", folder.display())),
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(format!("cannot remove `{}`: {error}", probe.display())),
    }
}
