//! The generator's hot paths: attention, training and sampling step, and their cost against tokens,
//! beside PyTorch on request.
//!
//!     cargo bench --bench generator -- dit-train --rounds 3 --peer "python3 torch_peer.py dit-train"
//!     cargo bench --bench generator -- tokens --threads 1 --plot cost.svg > cost.csv
//!
//! Both sides are commands that print one JSON line with `median_s`, `min_s` and `peak_mib`; they
//! run in turn for some rounds, and the best of each counts: on a busy machine the least time is
//! the one least disturbed. Ours is this program again, under the environment that ffrun gives its
//! stages. `tokens` prints CSV; the exponents fitted to it go to the error stream.

mod generator_cases;
mod generator_plot;
mod measuring;

use std::path::PathBuf;
use std::process::Command;

use clap::{Parser, ValueEnum};
use generator_cases::{run_case, run_tokens};
use measuring::{Figures, Result, as_a_stage, figures};

/// Measures one step of the generator. Sizes are named as PyTorch's side names them.
#[derive(Clone, Debug, Parser)]
struct Options {
    #[arg(value_enum)]
    case: Case,
    /// Clips of a batch.
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Tokens, for `attention`.
    #[arg(long, default_value_t = 120)]
    tokens: usize,
    /// Width of a head, for `attention`.
    #[arg(long, default_value_t = 64)]
    head_dim: usize,
    /// Token width.
    #[arg(long, default_value_t = 192)]
    dim: usize,
    #[arg(long, default_value_t = 3)]
    heads: usize,
    /// Blocks; the VACE branch has half as many.
    #[arg(long, default_value_t = 8)]
    layers: usize,
    /// Latent frames.
    #[arg(long, default_value_t = 5)]
    frames: usize,
    /// Latent rows.
    #[arg(long, default_value_t = 8)]
    height: usize,
    /// Latent columns.
    #[arg(long, default_value_t = 12)]
    width: usize,
    /// Rank of adapters on q, k and v, the rest frozen; 0 trains all weights.
    #[arg(long, default_value_t = 0)]
    lora: usize,
    /// Whether blocks are run again for their gradients instead of kept.
    #[arg(long)]
    recompute: bool,
    /// Seconds a round of our case runs.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Rounds of each side.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Threads of our side; all processors by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Command of the other side, to be run in turn with ours.
    #[arg(long)]
    peer: Option<String>,
    /// An SVG to draw, for `tokens`.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Given to the process that measures our side.
    #[arg(long, hide = true)]
    measure: bool,
    /// Given by `cargo bench`; without a meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Attention, forward.
    Attention,
    /// Attention, forward and backward.
    AttentionTrain,
    /// A training step: forward and backward of a mean squared error.
    DitTrain,
    /// One velocity, as sampling asks for it.
    DitForward,
    /// Training steps of one clip of 128 to 4096 tokens.
    Tokens,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.measure {
        return run_case(&options);
    }
    if options.case == Case::Tokens {
        return run_tokens(&options);
    }
    let (mut ours, mut theirs) = (Figures::NONE, Figures::NONE);
    for _ in 0..options.rounds {
        ours = ours.better(measured(&options)?);
        if let Some(peer) = &options.peer {
            let mut words = peer.split_whitespace();
            let mut command = Command::new(words.next().ok_or("`--peer` names no program")?);
            theirs = theirs.better(figures(command.args(words))?);
        }
    }
    println!("ours  {:8.1} ms  {:8.1} MiB extra", ours.seconds * 1e3, ours.peak_mib);
    if options.peer.is_some() {
        println!("peer  {:8.1} ms  {:8.1} MiB extra", theirs.seconds * 1e3, theirs.peak_mib);
        let memory = ours.peak_mib / theirs.peak_mib;
        println!("ratio {:8.3} time {:7.3} memory", ours.seconds / theirs.seconds, memory);
    }
    Ok(())
}

/// Our side of a case, in a process of its own: the peak of one case is not that of another.
fn measured(options: &Options) -> Result<Figures> {
    let case = options.case.to_possible_value().ok_or("a case without a name")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(case.get_name()).arg("--measure");
    let sizes = [
        ("--batch", options.batch),
        ("--tokens", options.tokens),
        ("--head-dim", options.head_dim),
        ("--dim", options.dim),
        ("--heads", options.heads),
        ("--layers", options.layers),
        ("--frames", options.frames),
        ("--height", options.height),
        ("--width", options.width),
        ("--lora", options.lora),
    ];
    for (name, size) in sizes {
        command.arg(name).arg(size.to_string());
    }
    if options.recompute {
        command.arg("--recompute");
    }
    command.arg("--seconds").arg(options.seconds.to_string());
    figures(as_a_stage(&mut command, options.threads))
}
