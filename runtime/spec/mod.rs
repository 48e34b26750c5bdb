//! Typed specs: what each kind of stage is told, every default written out.
//!
//! These structs are what a key is made from (see `engine::stage`), so a field is added with a
//! default in `stdlib/` and a raised version of the kind, never silently.

pub mod agreement;
pub mod aligner;
pub mod checkpoint;
pub mod clips;
pub mod clipset;
pub mod codec;
pub mod control;
pub mod dictionary;
pub mod evaluator;
pub mod faces;
pub mod flow;
pub mod generator;
pub mod identity_map;
pub mod measure;
pub mod mechanism;
pub mod pretrain;
pub mod schedule;
pub mod seen;
pub mod sift;

use serde::{Deserialize, Serialize};

pub use agreement::{AgreementSpec, PublicSpec};
pub use aligner::AlignerSpec;
pub use checkpoint::{AutoencoderSizes, CheckpointSpec, TextEncoderSizes, TransformerSizes};
pub use clips::ClipSpec;
pub use clipset::ClipsetSpec;
pub use codec::{CodecSpec, TextSpec};
pub use control::ControlSpec;
pub use dictionary::DictionarySpec;
pub use evaluator::{EvaluatorSpec, EvaluatorTraining, ValiditySpec};
pub use faces::FacesSpec;
pub use flow::FlowSpec;
pub use generator::{AdapterSpec, GeneratorSpec, SamplerSpec};
pub use identity_map::IdentityMapSpec;
pub use measure::MeasureSpec;
pub use mechanism::MechanismSpec;
pub use pretrain::{BaseSpec, GenerateSpec, PretrainSpec, ShippedSpec, TuneSpec};
pub use schedule::ScheduleSpec;
pub use seen::SeenSpec;
pub use sift::{FilterSpec, FootageSpec, SiftSpec};

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
/// Kind and semantic version of a set of clips.
pub const CLIPS: (&str, u32) = ("clips", 1);
/// Kind and semantic version of a fitted codec.
pub const CODEC: (&str, u32) = ("codec", 1);
/// Kind and semantic version of encoded clips.
pub const LATENTS: (&str, u32) = ("latents", 1);
/// Kind and semantic version of embedded captions.
pub const TEXTS: (&str, u32) = ("texts", 1);
/// Kind and semantic version of a base generator's training.
pub const PRETRAIN: (&str, u32) = ("pretrain", 1);
/// Kind and semantic version of a base generator that ships with ffrun.
pub const SHIPPED: (&str, u32) = ("shipped", 1);
/// Kind and semantic version of a public checkpoint in the user's files.
pub const CHECKPOINT: (&str, u32) = ("checkpoint", 1);
/// Kind and semantic version of a tuning under S.
pub const TUNE: (&str, u32) = ("tune", 1);
/// Kind and semantic version of generated clips.
pub const GENERATE: (&str, u32) = ("generate", 3);
/// Kind and semantic version of a measurement of generated clips.
pub const JUDGE: (&str, u32) = ("judge", 3);
/// Kind and semantic version of an in-world evaluator's training.
pub const EVALUATOR: (&str, u32) = ("evaluator", 1);
/// Kind and semantic version of several measurements as one.
pub const TOGETHER: (&str, u32) = ("together", 1);
/// Kind and semantic version of a map of identities.
pub const IDENTITY_MAP: (&str, u32) = ("identity_map", 1);
/// Kind and semantic version of a look into a trained dictionary.
pub const DICTIONARY: (&str, u32) = ("dictionary", 1);
/// Kind and semantic version of a filter of footage.
pub const SIFT: (&str, u32) = ("sift", 1);
/// Kind and semantic version of what networks see in a clip of any generator. Raise the version when
/// sampling, decoding or a network's surroundings change what is seen.
pub const SEEN: (&str, u32) = ("seen", 1);
/// Kind and semantic version of the measurement of an evaluator on unseen people.
pub const VALIDITY: (&str, u32) = ("validity", 3);

/// Kind and semantic version of a comparison of an evaluator with public networks.
pub const AGREEMENT: (&str, u32) = ("agreement", 1);
/// Kind and semantic version of public networks on photographs.
pub const PHOTOGRAPHS: (&str, u32) = ("photographs", 1);

/// For settings that came later: left out of a spec where they are 0.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}
