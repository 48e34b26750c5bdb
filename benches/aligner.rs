//! Forward and backward pass of the aligner's core (Eq. 3–5), beside PyTorch on request.
//!
//!     cargo bench --bench aligner -- --peer "python3 torch_peer.py aligner --batch 256 --tokens 49 --dim 256 --elements 4096"
//!
//! The peer is any command that prints one JSON line a case with `min_s`, `median_s` and
//! `peak_mib`; it and our case run in turn for some rounds, and the best of each counts: on a busy
//! machine the least time is the one least disturbed.

use std::process::Command;
use std::time::{Duration, Instant};

use candle_core::{D, Device, Result, Tensor, Var};
use clap::Parser;
use ffrun_models::ops::{Pool, pooled_correlation};
use ffrun_models::stream::Stream;

/// Measures one step of the aligner's core: correlation, max-pooling, CLIP loss and gradients.
#[derive(Parser)]
struct Options {
    /// Faces in a batch, two views of half as many people.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Tokens of a face.
    #[arg(long, default_value_t = 49)]
    tokens: usize,
    /// Width of tokens and dictionary elements.
    #[arg(long, default_value_t = 256)]
    dim: usize,
    /// Dictionary elements.
    #[arg(long, default_value_t = 4096)]
    elements: usize,
    /// Seconds a round of our case runs.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Rounds of each side.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Command of the other side, to be run in turn with ours.
    #[arg(long)]
    peer: Option<String>,
    /// Given by `cargo bench`; without a meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The best of one side.
#[derive(Clone, Copy)]
struct Figures {
    seconds: f64,
    peak_mib: f64,
}

impl Figures {
    const NONE: Self = Self { seconds: f64::INFINITY, peak_mib: f64::INFINITY };

    fn better(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.min(other.seconds),
            peak_mib: self.peak_mib.min(other.peak_mib),
        }
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let case = Case::new(&options)?;
    let (mut ours, mut theirs) = (Figures::NONE, Figures::NONE);
    // Before the first step: the peak of later rounds is the peak of the first.
    let before = peak_mib();
    for _ in 0..options.rounds {
        let seconds = case.best_seconds(Duration::from_secs_f64(options.seconds))?;
        ours.seconds = ours.seconds.min(seconds);
        ours.peak_mib = peak_mib() - before;
        if let Some(peer) = &options.peer {
            theirs = theirs.better(run_peer(peer)?);
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

struct Case {
    tokens: Var,
    dictionary: Var,
}

impl Case {
    fn new(options: &Options) -> Result<Self> {
        let Options { batch, tokens, dim, elements, .. } = *options;
        let mut stream = Stream::new(0, "bench/aligner", 0);
        let tokens = stream.normal_tensor((batch, tokens, dim), 1.0, &Device::Cpu)?;
        let dictionary = stream.normal_tensor((elements, dim), 0.05, &Device::Cpu)?;
        Ok(Self { tokens: Var::from_tensor(&tokens)?, dictionary: Var::from_tensor(&dictionary)? })
    }

    /// The least time of a step over `duration`, after a step of warm-up.
    fn best_seconds(&self, duration: Duration) -> Result<f64> {
        self.step()?;
        let (start, mut best) = (Instant::now(), f64::INFINITY);
        while start.elapsed() < duration {
            let step = Instant::now();
            self.step()?;
            best = best.min(step.elapsed().as_secs_f64());
        }
        Ok(best)
    }

    /// Loss and gradients in tokens and dictionary.
    fn step(&self) -> Result<()> {
        let weights = pooled_correlation(&self.tokens, &self.dictionary, Pool::Max)?; // Eq. 3
        let prior = weights.matmul(&self.dictionary)?; // Eq. 4
        let norm = prior.sqr()?.sum_keepdim(1)?.sqrt()?;
        let prior = prior.broadcast_div(&norm)?;
        let pairs = prior.dim(0)? / 2;
        let (left, right) = (prior.narrow(0, 0, pairs)?, prior.narrow(0, pairs, pairs)?);
        let logits = (left.matmul(&right.t()?)? / 0.07)?; // Eq. 5
        let target = Tensor::arange(0, pairs as u32, &Device::Cpu)?;
        let loss = (cross_entropy(&logits, &target)? + cross_entropy(&logits.t()?, &target)?)?;
        let gradients = loss.backward()?;
        for var in [&self.tokens, &self.dictionary] {
            if gradients.get(var).is_none() {
                candle_core::bail!("no gradient reaches a variable of shape {:?}", var.shape());
            }
        }
        Ok(())
    }
}

fn cross_entropy(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let chosen = logits.contiguous()?.gather(&target.unsqueeze(1)?, 1)?.squeeze(1)?;
    (logits.log_sum_exp(D::Minus1)? - chosen)?.mean_all()
}

/// The faster and the leaner of the cases that the peer prints.
fn run_peer(command: &str) -> std::result::Result<Figures, Box<dyn std::error::Error>> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or("`--peer` names no program")?;
    let output = Command::new(program).args(words).output()?;
    if !output.status.success() {
        return Err(format!("the peer failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut best = Figures::NONE;
    for line in String::from_utf8(output.stdout)?.lines() {
        let case: serde_json::Value = serde_json::from_str(line)?;
        let number = |key: &str| case[key].as_f64().ok_or(format!("the peer prints no `{key}`"));
        // The second case of a process starts from the peak of the first: its growth says nothing.
        let peak_mib = if best.peak_mib.is_finite() { f64::INFINITY } else { number("peak_mib")? };
        best = best.better(Figures { seconds: number("min_s")?, peak_mib });
    }
    Ok(best)
}

/// The largest resident set so far, in MiB; 0 where the system does not tell.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
