//! Who may know whom: the borders between folders, grepped.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = pending.pop() {
        for item in fs::read_dir(&folder).expect("a folder").map(|item| item.expect("an item")) {
            let path = item.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {folder}");
    found
}

/// Lines that use one of these paths, outside comments.
fn users(folder: &str, except: &str, needles: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for path in sources(folder) {
        if !except.is_empty() && path.to_string_lossy().contains(except) {
            continue;
        }
        for line in fs::read_to_string(&path).expect("readable").lines() {
            let code = line.split("//").next().unwrap_or_default();
            if needles.iter().any(|needle| code.contains(needle)) {
                lines.push(format!("{}: {line}", path.display()));
            }
        }
    }
    lines
}

fn none(lines: &[String]) {
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn only_the_script_host_knows_rhai() {
    let needles = ["rhai::", "use rhai"];
    none(&users("runtime", "runtime/script", &needles));
    none(&users("models", "", &needles));
    none(&users("reports", "", &needles));
    assert!(!users("runtime/script", "", &needles).is_empty(), "the grep finds nothing at all");
}

#[test]
fn the_reports_and_the_engine_know_no_candle() {
    let needles = ["candle_core", "candle_nn", "ffrun_models"];
    none(&users("reports", "", &needles));
    none(&users("runtime/engine", "", &needles));
    none(&users("runtime/engine", "", &["crate::script", "crate::stages", "crate::cli"]));
}

#[test]
fn the_models_know_neither_files_nor_scripts() {
    // Public weights are files; their loaders are the one exception. Tests may read files.
    let weights = users("models", "", &["std::fs"]);
    let others: Vec<String> = weights
        .into_iter()
        .filter(|line| !line.contains("models/weights/") && !line.contains("read(path) else"))
        .filter(|line| !line.contains("tests"))
        .collect();
    none(&others);
    none(&users("models", "tests", &["std::process", "clap::"]));
}
