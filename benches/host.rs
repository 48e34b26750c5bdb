//! The host's own cost: starting, planning 10,000 trials, and a cached trial.
//!
//! `cargo bench --profile dev --bench host` prints the best of several runs; other work on the
//! machine only makes them slower.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Runs of each command; the fastest counts.
const RUNS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let elements: Vec<String> = (1..=3334).map(|elements| elements.to_string()).collect();
    let many = format!("elements={}", elements.join(","));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/ablation_dict.rhai");
    let script = script.display().to_string();
    let smoke =
        ["run", &script, "--scale", "smoke", "-qq", "-P", "elements=64,128", "-P", "seeds=50"];
    let ffrun = |words: &[&str]| best(folder.path(), words);

    println!("ffrun --version                  {:>9.1} ms", ms(ffrun(&["--version"])));
    let plan = ffrun(&["plan", &script, "-q", "-P", &many]);
    println!("ffrun plan, 10,002 trials        {:>9.1} ms", ms(plan));
    // The first of these runs computes; the best of the others finds everything in the store.
    let cached = ffrun(&smoke);
    let empty =
        ffrun(&["plan", &script, "--scale", "smoke", "-q", "-P", "elements=64", "-P", "seeds=1"]);
    println!("ffrun run, 100 cached trials     {:>9.1} ms", ms(cached));
    println!(
        "  a trial, report included       {:>9.3} ms",
        ms(cached.saturating_sub(empty)) / 100.0
    );
    let plan = ffrun(&[
        "plan",
        &script,
        "--scale",
        "smoke",
        "-q",
        "-P",
        "elements=64,128",
        "-P",
        "seeds=50",
    ]);
    println!("  a trial, planning alone        {:>9.3} ms", ms(plan.saturating_sub(empty)) / 100.0);
}

fn best(folder: &Path, words: &[&str]) -> Duration {
    let once = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ffrun"));
        command.args(words).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let status = command.status().expect("ffrun starts");
        assert!(status.success(), "{words:?} failed");
        began.elapsed()
    };
    (0..RUNS).map(|_| once()).min().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
