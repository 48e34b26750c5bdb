//! `ffrun eval`: score clips of any generator.

mod args;
mod facts;
mod outcome;
mod run;
mod sight;

pub use args::Eval;

pub(super) use run::{eval, ffmpeg};
