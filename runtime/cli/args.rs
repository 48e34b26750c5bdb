//! The command line: verbs and flags, each documented where it is declared.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// A laboratory for identity-preserving video. A script declares an experiment; ffrun computes
/// only what is missing and writes CSV, charts, a report and verdicts on its claims.
#[derive(Debug, Parser)]
#[command(name = "ffrun", version, about, disable_help_subcommand = true)]
#[command(after_help = "`ffrun FILE` is `ffrun run FILE`.\n\n\
Exit codes: 0 ok · 1 a stage failed · 2 usage · 3 script error · 4 claim contradicted (--strict) ·\n\
5 store damaged · 6 environment (device, weights, disk) · 75 try again · 130/143 interrupted")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags that every verb takes.
    #[command(flatten)]
    pub global: Global,
}

/// Flags that every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Folder of the store [default: .ffrun/store]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub store: Option<PathBuf>,
    /// Folder of the reports [default: runs]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub runs: Option<PathBuf>,
    /// Machine-readable output: versioned JSON Lines on stdout
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Say less; twice: only errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub quiet: u8,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Colour on stderr and stdout
    #[arg(long, global = true, value_enum, help_heading = "Global options")]
    pub color: Option<Color>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run what is missing of an experiment and write its report
    Run(Run),
    /// Show what would run and why, without running it
    Plan(Experiment),
    /// Say why a stage runs: the nearest stored stage and the field that differs
    Why(Why),
    /// Show which trials are done, running and waiting
    Status(Experiment),
    /// Write the report from what is in the store, running nothing
    Report(Report),
    /// Keep a finished run as a record: README, tables, charts, CSV and manifest, to be committed
    Publish(Publish),
    /// Judge the claims from what is in the store, running nothing
    Claims(Claims),
    /// Compute one frozen stage of the store: what workers do
    Stage(StageArgs),
    /// Run an experiment twice in a scratch store and compare every byte; with `--kill`, workers are
    /// killed at random moments the second time
    Selfcheck(Selfcheck),
    /// Score clips of any generator from a CSV: FaceSim and more, by method and by pose
    Eval(super::eval::Eval),
    /// Draw from the embedded heads: export stills or clips, preview sheets
    #[command(subcommand)]
    Data(Data),
    /// The networks that users bring: list them, check their files
    Weights(Weights),
    /// Check every entry of the store
    Fsck(Fsck),
    /// Free what no recent plan refers to
    Gc(Gc),
    /// Say what this machine offers and what is wrong with it
    Doctor,
    /// Print shell completions
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Write the reference of the script API: `.d.rhai` files and `REFERENCE.md`
    Definitions {
        /// Folder to write into
        #[arg(long, value_name = "DIR", default_value = "stdlib")]
        out: PathBuf,
        /// Write nothing; fail if a file is not up to date
        #[arg(long)]
        check: bool,
    },
}

/// An experiment and what may be changed about it from outside.
#[derive(Clone, Debug, Args)]
pub struct Experiment {
    /// The experiment, a `.rhai` script. `run`, `plan`, `status`, `report`, `claims` and `publish`
    /// take several, and a folder for all in it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Size of everything: smoke (seconds), tiny (a laptop, minutes), small (one GPU), paper
    #[arg(long, value_name = "SCALE")]
    pub scale: Option<String>,
    /// Override a varied setting, `seeds`, or a number of the scale; may be repeated
    #[arg(short = 'P', value_name = "KEY=VALUE", value_parser = key_value)]
    pub settings: Vec<(String, String)>,
    /// First training seed
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// `cpu` or `cuda:N`; may be a comma-separated list of GPUs
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Read the standard library from this folder instead of the one in the binary
    #[arg(long, value_name = "DIR")]
    pub stdlib: Option<PathBuf>,
}

/// `run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Which experiment.
    #[command(flatten)]
    pub experiment: Experiment,
    /// Keep running: watch the script and the standard library, show every change at once
    #[arg(long)]
    pub watch: bool,
    /// Worker processes at a time [default: one per CPU core, or one per GPU]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Exit with 4 if a claim is contradicted
    #[arg(long)]
    pub strict: bool,
    /// Write training curves as TensorBoard event files too, a folder for each trial
    #[arg(long, value_name = "DIR", conflicts_with = "watch")]
    pub tensorboard: Option<PathBuf>,
}

/// `report`.
#[derive(Clone, Debug, Args)]
pub struct Report {
    /// Which experiment.
    #[command(flatten)]
    pub experiment: Experiment,
    /// Write the moving contact sheets as MP4 beside the report too, through ffmpeg
    #[arg(long)]
    pub mp4: bool,
}

/// `publish`.
#[derive(Clone, Debug, Args)]
pub struct Publish {
    /// Which experiment.
    #[command(flatten)]
    pub experiment: Experiment,
    /// Folder of the records; this one becomes a folder in it
    #[arg(long, value_name = "DIR", default_value = "reports/published")]
    pub to: PathBuf,
    /// Pictures that go along: settings side by side first, then samples, then faces
    #[arg(long, value_name = "N", default_value = "1")]
    pub pictures: usize,
    /// Publish although the checkout differs from its commit; the record says so
    #[arg(long)]
    pub allow_dirty: bool,
}

/// `selfcheck`.
#[derive(Clone, Debug, Args)]
pub struct Selfcheck {
    /// Which experiment, at the scale `smoke` unless another is named
    #[command(flatten)]
    pub experiment: Experiment,
    /// Kill workers at random moments and go on from their checkpoints
    #[arg(long)]
    pub kill: bool,
    /// At most so many kills of each stage
    #[arg(long, value_name = "N", default_value = "3", requires = "kill")]
    pub kills: u32,
    /// Worker processes at a time [default: one per CPU core, or one per GPU]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
}

/// `why`.
#[derive(Clone, Debug, Args)]
pub struct Why {
    /// Which experiment.
    #[command(flatten)]
    pub experiment: Experiment,
    /// Key of a stage, or the first digits of it; all stages that would run if left out
    #[arg(long, value_name = "KEY")]
    pub stage: Option<String>,
}

/// `claims`.
#[derive(Clone, Debug, Args)]
pub struct Claims {
    /// Which experiment.
    #[command(flatten)]
    pub experiment: Experiment,
    /// Exit with 4 if a claim is contradicted
    #[arg(long)]
    pub strict: bool,
}

/// `stage`.
#[derive(Clone, Debug, Args)]
pub struct StageArgs {
    /// Key of the stage (64 hexadecimal digits, or enough to be unique)
    pub key: String,
    /// Speak the worker's protocol on stdin and stdout
    #[arg(long, hide = true)]
    pub worker: bool,
    /// Seconds between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub checkpoint_every: f64,
}

/// `data`.
#[derive(Clone, Debug, Subcommand)]
pub enum Data {
    /// Write rendered heads with their labels: PNGs and labels.csv
    #[command(subcommand)]
    Export(Export),
    /// Write contact sheets of people and clips as PNGs
    Preview {
        /// Folder to write into
        #[arg(long, value_name = "DIR", default_value = "preview")]
        out: PathBuf,
        /// Side of an image in pixels
        #[arg(long, value_name = "PX", default_value = "128")]
        size: usize,
        /// World: who the people are and how they are seen
        #[arg(long, value_name = "N", default_value = "1")]
        world: u64,
    },
}

/// `data export`.
#[derive(Clone, Debug, Subcommand)]
pub enum Export {
    /// Still images of heads
    Heads {
        /// People
        #[arg(long, value_name = "N", default_value = "10")]
        identities: usize,
        /// `grid`, or a CSV with the columns yaw,pitch,roll in degrees
        #[arg(long, value_name = "FILE|grid", default_value = "grid")]
        poses: String,
        /// Where and how large
        #[command(flatten)]
        target: Target,
    },
    /// Clips of turning heads, a folder of PNG frames each
    Clips {
        /// People
        #[arg(long, value_name = "N", default_value = "4")]
        identities: usize,
        /// Frames of a clip
        #[arg(long, value_name = "N", default_value = "17")]
        frames: usize,
        /// Where and how large
        #[command(flatten)]
        target: Target,
    },
}

/// Where exported images go.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Side of an image in pixels
    #[arg(long, value_name = "PX", default_value = "128")]
    pub size: usize,
    /// World: who the people are and how they are seen
    #[arg(long, value_name = "N", default_value = "1")]
    pub world: u64,
    /// Which people: train, validation or test
    #[arg(long, default_value = "train")]
    pub split: String,
}

/// `weights`.
#[derive(Clone, Debug, Args)]
pub struct Weights {
    /// What to do.
    #[command(subcommand)]
    pub verb: WeightsVerb,
    /// Folder of weights [default: FFRUN_WEIGHTS, else `weights` in ffrun.toml]
    #[arg(long, global = true, value_name = "DIR")]
    pub weights: Option<PathBuf>,
}

/// `weights …`.
#[derive(Clone, Debug, Subcommand)]
pub enum WeightsVerb {
    /// Show every network that can be brought, where it comes from, and whether it is there
    List,
    /// Compare the files with their cards and open each network
    Check {
        /// Which networks [default: all that are there]
        names: Vec<String>,
    },
    /// Print the folder of weights, or where the file of one network is
    Path {
        /// Which network
        name: Option<String>,
    },
}

/// `fsck`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Fsck {
    /// Move damaged entries aside so that they are computed again
    #[arg(long)]
    pub repair: bool,
}

/// `gc`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Gc {
    /// Keep what a plan of the last DAYS days refers to
    #[arg(long, value_name = "DAYS", default_value = "30")]
    pub keep_days: u64,
    /// Only say what would be freed
    #[arg(long)]
    pub dry_run: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, for example -P elements=4096".to_owned()),
    }
}

/// `ffrun FILE` means `ffrun run FILE`: inserts the verb where the first word that is no flag
/// names a script, or a folder that is no verb.
pub fn with_default_verb(mut words: Vec<String>) -> Vec<String> {
    let takes_value = [
        "--store",
        "--runs",
        "--color",
        "--scale",
        "--seed",
        "--device",
        "--stdlib",
        "-P",
        "-j",
        "--jobs",
        "--tensorboard",
    ];
    let mut at = 1;
    while at < words.len() && words[at].starts_with('-') {
        at += if takes_value.contains(&words[at].as_str()) { 2 } else { 1 };
    }
    let is_verb = |word: &str| Cli::command().find_subcommand(word).is_some();
    let is_script = |word: &String| {
        let path = std::path::Path::new(word);
        path.extension().is_some_and(|extension| extension == "rhai")
            || (path.is_dir() && !is_verb(word))
    };
    if words.get(at).is_some_and(is_script) {
        words.insert(1, "run".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, with_default_verb};

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_script_alone_is_run() {
        let script = with_default_verb(words("ffrun -q --scale smoke a.rhai -P elements=3"));
        assert_eq!(script, words("ffrun run -q --scale smoke a.rhai -P elements=3"));
        Cli::try_parse_from(&script).expect("parsed");
        assert_eq!(with_default_verb(words("ffrun plan a.rhai")), words("ffrun plan a.rhai"));
        let several = with_default_verb(words("ffrun a.rhai b.rhai --strict"));
        assert_eq!(several, words("ffrun run a.rhai b.rhai --strict"));
        Cli::try_parse_from(&several).expect("parsed");
    }
}
