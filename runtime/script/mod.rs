//! The script host: the only place that knows Rhai.
//!
//! A script declares; calling `train` or `evaluate` builds stages and computes nothing.

mod agreeing;
mod base;
mod building;
mod capture;
mod checkpoints;
mod closure;
mod complaint;
mod convert;
mod declaration;
mod definitions;
mod diagnostic;
mod experiment;
mod explain;
mod generating;
mod host;
mod judging;
mod mapping;
mod measuring;
mod mechanism;
mod options;
mod parts;
mod phase;
mod program;
mod recipe;
mod rehearsal;
mod reporting;
mod sandbox;
mod scale;
mod settings;
mod sifting;
mod sources;
mod stdlib;
mod suggest;
mod tensor;
mod trial;
mod tuning;

pub use closure::{Closure, ClosureError};
pub use definitions::definitions;
pub use diagnostic::Diagnostic;
pub use experiment::Experiment;
pub use options::ScriptOptions;
