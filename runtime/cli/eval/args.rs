//! The words of `ffrun eval`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::metrics::video;

/// `eval`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
The list is a CSV with the columns

  method     what generated the clip; the table has a row for each
  identity   who the clip should show; intervals and tests treat people as the sample
  prompt     what was asked for; may be empty, or left out
  video      the clip: MP4, WebM, GIF and whatever ffmpeg reads, a folder of frames, or a picture
  reference  a picture of the person

and, where the head was asked to move, one or both of these ways to say so, empty where it was not:

  turn              left, right, up or down, as who looks at the image sees it
  yaw_from, yaw_to  degrees at the first and at the last frame, > 0 = nose to image right

Then `turns_as_asked` and, with angles, `pose_error` are measured.

Paths start at the list's folder. A clip that cannot be scored has a line with its reason in
clips.csv and in the report, and the exit code is 1. Under `--rules consisid` and `opens2v` a clip
of which some frames cannot be read is scored by the others, as those scripts do, and the report
counts them. What networks saw is kept by the digests of
clip, networks and options: run again after an interruption, with more clips or with another
metric, and only what is new is looked at.

Networks are files that you bring: put them into a folder, say so with --weights or FFRUN_WEIGHTS,
and see `ffrun weights list`. Films are decoded by ffmpeg, found on the search path or through
FFRUN_FFMPEG.

Examples:
  ffrun eval videos.csv --weights ~/weights
  ffrun eval videos.csv --network yunet --network w600k_r50 --truth real
  ffrun eval clips.csv --in-world         clips of ffrun's own heads, nothing to download")]
pub struct Eval {
    /// CSV of clips, with the columns method, identity, prompt, video, reference
    pub list: PathBuf,
    /// Folder of the networks [default: FFRUN_WEIGHTS, else `weights` in ffrun.toml]
    #[arg(long, value_name = "DIR")]
    pub weights: Option<PathBuf>,
    /// Use this network, by the name of its card; may be repeated [default: all in the folder]
    #[arg(long = "network", value_name = "NAME", conflicts_with = "in_world")]
    pub networks: Vec<String>,
    /// Use the networks that ship with ffrun, which know its own heads only
    #[arg(long)]
    pub in_world: bool,
    /// Whose rules decide edge cases: those of the field's scripts reproduce their numbers
    #[arg(long, value_enum, default_value_t)]
    pub rules: Rules,
    /// Frames sampled from a clip [default: 16; 32 by the rules of opens2v]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub frames: Option<u32>,
    /// Which of several faces in a frame counts
    #[arg(long, value_enum, default_value_t)]
    pub face: Face,
    /// The method whose clips are real: the ceiling, and what Fréchet distances compare with
    #[arg(long, value_name = "METHOD")]
    pub truth: Option<String>,
    /// Clips at a time [default: one per CPU core]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
}

/// Whose rules decide edge cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Rules {
    /// Nothing is dropped in silence, no trap is rewarded
    #[default]
    Ffrun,
    /// ConsisID's get_facesim_fid.py and get_clipscore.py
    Consisid,
    /// OpenS2V-Nexus's get_facesim.py
    Opens2v,
}

impl Rules {
    /// The metrics' rules of this name.
    pub(super) fn of_metrics(self) -> video::Rules {
        match self {
            Self::Ffrun => video::Rules::Ffrun,
            Self::Consisid => video::Rules::ConsisId,
            Self::Opens2v => video::Rules::OpenS2v,
        }
    }
}

/// Which of several faces counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Face {
    /// The one with the largest box, as in the field's scripts
    #[default]
    Largest,
    /// The one most like the reference
    BestMatch,
}
