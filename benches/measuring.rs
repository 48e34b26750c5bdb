//! How the benchmarks measure: steps in a process of its own under the environment that ffrun gives
//! its stages, the least time and the largest memory.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

/// Anything that goes wrong here.
pub(super) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// candle goes through a graph recursively.
const STACK_BYTES: usize = 256 << 20;

/// The best of one side.
#[derive(Clone, Copy)]
pub(super) struct Figures {
    pub(super) seconds: f64,
    pub(super) peak_mib: f64,
}

impl Figures {
    pub(super) const NONE: Self = Self { seconds: f64::INFINITY, peak_mib: f64::INFINITY };

    pub(super) fn better(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.min(other.seconds),
            peak_mib: self.peak_mib.min(other.peak_mib),
        }
    }
}

/// Gives a process the environment of a stage.
pub(super) fn as_a_stage(command: &mut Command, threads: Option<usize>) -> &mut Command {
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads.to_string());
    }
    // candle's own pool waits by spinning. glibc returns large blocks to the system as soon as
    // they are free, and then pays for every page of the next one again.
    command.env("CANDLE_NUM_THREADS", "1");
    command.env("MALLOC_MMAP_THRESHOLD_", (1_u64 << 30).to_string());
    command.env("MALLOC_TRIM_THRESHOLD_", (1_u64 << 32).to_string());
    // One heap for all threads: what one has freed, another can take.
    command.env("MALLOC_ARENA_MAX", "1")
}

/// The faster and the leaner of the cases that a command prints.
pub(super) fn figures(command: &mut Command) -> Result<Figures> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("a side failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut best = Figures::NONE;
    for line in String::from_utf8(output.stdout)?.lines() {
        let case: Value = serde_json::from_str(line)?;
        let number = |key: &str| case[key].as_f64().ok_or(format!("a side prints no `{key}`"));
        best = best.better(Figures { seconds: number("min_s")?, peak_mib: number("peak_mib")? });
    }
    Ok(best)
}

/// Runs on a thread of the pool: handing each operation over to it from outside costs two switches
/// of context.
pub(super) fn on_the_pool(work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build()?.install(work)
}

/// Repeats a step for the given time after a step of warm-up and prints what it took.
pub(super) fn report(seconds: f64, step: impl Fn() -> Result<()>) -> Result<()> {
    let before = peak_mib();
    step()?;
    let (start, mut times) = (Instant::now(), vec![]);
    while start.elapsed().as_secs_f64() < seconds || times.len() < 3 {
        let step_start = Instant::now();
        step()?;
        times.push(step_start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let line = json!({
        "threads": rayon::current_num_threads(),
        "median_s": times[times.len() / 2],
        "min_s": times[0],
        "runs": times.len(),
        "peak_mib": peak_mib() - before,
    });
    println!("{line}");
    Ok(())
}

/// The largest resident set so far, in MiB; 0 where the system does not tell.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The slope of the least-squares line through (ln x, ln y).
pub(super) fn exponent(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let logs: Vec<(f64, f64)> = points.map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let along: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    along / logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}
