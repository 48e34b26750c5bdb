//! The Fréchet distance of two sets of Inception-sized features, beside pytorch-fid on request.
//!
//!     RAYON_NUM_THREADS=2 cargo bench --bench frechet -- --peer "python3 benches/frechet_peer.py"
//!
//! The peer is any command that takes two files of f32 features and their width, and prints a JSON
//! line with `seconds` and `distance`. Both sides get the same features and the same number of
//! threads and run in turn; the best of each counts.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use candle_core::{Device, Tensor};
use clap::Parser;
use ffrun_models::eval::frechet::{Moments, frechet_distance};
use ffrun_models::stream::Stream;

/// Measures one Fréchet distance, from features to the number.
#[derive(Parser)]
struct Options {
    /// Features a set.
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    /// Width of a feature.
    #[arg(long, default_value_t = 2048)]
    width: usize,
    /// Rounds of each side.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Command of the other side, to be run in turn with ours.
    #[arg(long)]
    peer: Option<String>,
    /// Given by `cargo bench`; without a meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one side found, and how fast.
#[derive(Clone, Copy)]
struct Found {
    seconds: f64,
    distance: f64,
}

impl Found {
    const NONE: Self = Self { seconds: f64::INFINITY, distance: f64::NAN };

    fn better(self, other: Self) -> Self {
        if other.seconds < self.seconds { other } else { self }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let sets = [features(&options, 1)?, features(&options, 2)?];
    let folder = tempfile::tempdir()?;
    let files = [folder.path().join("a.f32"), folder.path().join("b.f32")];
    for (set, file) in sets.iter().zip(&files) {
        let values = set.flatten_all()?.to_vec1::<f32>()?;
        std::fs::write(file, values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    let (mut ours, mut theirs) = (Found::NONE, Found::NONE);
    for _ in 0..options.rounds {
        ours = ours.better(our_distance(&sets)?);
        if let Some(peer) = &options.peer {
            theirs = theirs.better(their_distance(peer, &files, options.width)?);
        }
    }
    println!("{} features of {} a side, {} threads", options.count, options.width, threads());
    println!("ours  {:8.2} s  {:.9}", ours.seconds, ours.distance);
    if options.peer.is_some() {
        println!("peer  {:8.2} s  {:.9}", theirs.seconds, theirs.distance);
        println!("ratio {:8.2}x", theirs.seconds / ours.seconds);
    }
    Ok(())
}

/// Features about a line in space, as a network's are: their covariance is far from the identity.
fn features(options: &Options, seed: u64) -> candle_core::Result<Tensor> {
    let (count, width) = (options.count, options.width);
    let mut stream = Stream::new(seed, "bench/frechet", 0);
    let mut normal = |shape| stream.normal_tensor(shape, 1.0, &Device::Cpu);
    let (own, along) = (normal((count, width))?, normal((count, 1))?);
    own.broadcast_add(&along)?.relu()
}

fn our_distance([a, b]: &[Tensor; 2]) -> candle_core::Result<Found> {
    let start = Instant::now();
    let distance = frechet_distance(&Moments::of(a)?, &Moments::of(b)?)?;
    Ok(Found { seconds: start.elapsed().as_secs_f64(), distance })
}

fn their_distance(
    peer: &str,
    files: &[impl AsRef<Path>; 2],
    width: usize,
) -> Result<Found, Box<dyn Error>> {
    let mut words = peer.split_whitespace();
    let program = words.next().ok_or("`--peer` names no command")?;
    let mut command = Command::new(program);
    command.args(words).args(files.iter().map(AsRef::as_ref)).arg(width.to_string());
    for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(variable, threads().to_string());
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    let line = line.ok_or_else(|| {
        format!("the peer printed no JSON line: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    let found: serde_json::Value = serde_json::from_str(line)?;
    let number = |name: &str| found[name].as_f64().ok_or(format!("the peer gave no `{name}`"));
    Ok(Found { seconds: number("seconds")?, distance: number("distance")? })
}

/// Threads of both sides.
fn threads() -> usize {
    rayon::current_num_threads()
}
