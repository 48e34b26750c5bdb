//! Typed specs: what each kind of stage is told, every default written out.
//!
//! These structs are what a key is made from (see `engine::stage`), so a field is added with a
//! default in `stdlib/` and a raised version of the kind, never silently.

pub mod aligner;
pub mod clips;
pub mod clipset;
pub mod codec;
pub mod faces;
pub mod flow;
pub mod generator;
pub mod measure;
pub mod schedule;

use serde::{Deserialize, Serialize};

pub use aligner::AlignerSpec;
pub use clips::ClipSpec;
pub use clipset::ClipsetSpec;
pub use codec::{CodecSpec, TextSpec};
pub use faces::FacesSpec;
pub use flow::FlowSpec;
pub use generator::{AdapterSpec, GeneratorSpec, SamplerSpec};
pub use measure::MeasureSpec;
pub use schedule::ScheduleSpec;

/// A built-in by name, or a script's closure. The closure's text travels in `Stage::code` under
/// `closure`, so that a worker process can run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// A built-in, e.g. `max`.
    Builtin(String),
    /// A Rhai closure of the script.
    Closure {
        /// Role under which `Stage::code` holds the text, e.g. `pool`.
        closure: String,
    },
}

/// A training: the model, the schedule and the seed of weights and batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// The model before training.
    pub model: AlignerSpec,
    /// How it is trained.
    pub schedule: ScheduleSpec,
    /// Seed of initial weights and of batches.
    pub seed: u64,
}

/// Kind and semantic version of a set of stills. Raise the version when the renderer changes a
/// pixel.
pub const FACES: (&str, u32) = ("faces", 1);
/// Kind and semantic version of a training.
pub const TRAIN: (&str, u32) = ("train", 1);
/// Kind and semantic version of a measurement.
pub const EVALUATE: (&str, u32) = ("evaluate", 1);
