//! The methods of Table 1 on one backbone: the time of a pass against the arithmetic of its tokens,
//! what remembered keys save, and memory against tokens.
//!
//!     cargo bench --bench baselines -- passes
//!     cargo bench --bench baselines -- keys
//!     cargo bench --bench baselines -- memory --threads 1
//!
//! Methods are run in turn for some rounds, and the least time of each counts; with `--threads 1`
//! the time that the thread ran, which others on the machine disturb least. All print CSV.

mod baselines_cases;
mod measuring;

use std::process::Command;

use baselines_cases::{Scene, keys, methods, passes};
use clap::{Parser, ValueEnum};
use measuring::{Figures, Result, as_a_stage, exponent, figures, on_the_pool, report};

/// Measures the methods' conditioning.
#[derive(Clone, Debug, Parser)]
struct Options {
    #[arg(value_enum)]
    case: Case,
    /// Rounds in which every method takes its turn.
    #[arg(long, default_value_t = 60)]
    rounds: usize,
    /// Latent frames.
    #[arg(long, default_value_t = 5)]
    frames: usize,
    /// Latent rows.
    #[arg(long, default_value_t = 8)]
    height: usize,
    /// Latent columns.
    #[arg(long, default_value_t = 12)]
    width: usize,
    /// Latent rows and columns of a reference beside the video, `height` and `width` by default.
    #[arg(long, num_args = 2)]
    reference: Option<Vec<usize>>,
    /// Token width.
    #[arg(long, default_value_t = 192)]
    dim: usize,
    #[arg(long, default_value_t = 3)]
    heads: usize,
    #[arg(long, default_value_t = 8)]
    layers: usize,
    /// Rank of adapters.
    #[arg(long, default_value_t = 32)]
    rank: usize,
    /// Threads; all processors by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Given to the process that measures one method's memory.
    #[arg(long, hide = true)]
    method: Option<String>,
    /// Given to the process that measures.
    #[arg(long, hide = true)]
    measure: bool,
    /// Given by `cargo bench`; without a meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// One pass of every method, and its arithmetic.
    Passes,
    /// A sampling step of Stand-In with and without remembered keys.
    Keys,
    /// Training steps of every method at 128 to 1024 tokens of video.
    Memory,
}

fn main() -> Result<()> {
    let options = Options::parse();
    match (options.measure, options.case) {
        (true, Case::Passes) => on_the_pool(|| passes(&options)),
        (true, Case::Keys) => on_the_pool(|| keys(&options)),
        (true, Case::Memory) => on_the_pool(|| training_steps(&options)),
        (false, Case::Memory) => memory(&options),
        (false, _) => {
            let status = as_a_stage(&mut again(&options)?, options.threads).status()?;
            if status.success() { Ok(()) } else { Err("the measuring process failed".into()) }
        }
    }
}

/// This program again, to measure with the same options.
fn again(options: &Options) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let case = options.case.to_possible_value().ok_or("a case without a name")?;
    command.args([case.get_name(), "--measure"]);
    let sizes = [
        ("--rounds", options.rounds),
        ("--frames", options.frames),
        ("--height", options.height),
        ("--width", options.width),
        ("--dim", options.dim),
        ("--heads", options.heads),
        ("--layers", options.layers),
        ("--rank", options.rank),
    ];
    for (name, size) in sizes {
        command.arg(name).arg(size.to_string());
    }
    if let Some([height, width]) = options.reference.as_deref() {
        command.arg("--reference").args([height, width].map(ToString::to_string));
    }
    Ok(command)
}

/// Peaks of every method at several lengths, and the power of the tokens they grow with.
fn memory(options: &Options) -> Result<()> {
    println!("method,tokens,seconds,peak_mib");
    let mut lines = vec![];
    for mechanism in methods(options) {
        let mut points = vec![];
        for frames in [2, 4, 8, 16] {
            let sizes = Options { frames, height: 16, width: 16, ..options.clone() };
            let mut command = again(&sizes)?;
            command.args(["--method", &mechanism.name]);
            let Figures { seconds, peak_mib } = figures(as_a_stage(&mut command, options.threads))?;
            let tokens = frames * 64;
            println!("{},{tokens},{seconds:.4},{peak_mib:.1}", mechanism.name);
            points.push((tokens as f64, peak_mib));
        }
        lines.push(format!("{}: tokens^{:.2}", mechanism.name, exponent(points.into_iter())));
    }
    eprintln!("memory grows as\n{}", lines.join("\n"));
    Ok(())
}

fn training_steps(options: &Options) -> Result<()> {
    let name = options.method.as_deref().ok_or("no `--method`")?;
    let mechanism = methods(options).into_iter().find(|mechanism| mechanism.name == name);
    let scene = Scene::new(&mechanism.ok_or("an unknown method")?, options, true)?;
    report(0.0, || scene.training_step())
}
