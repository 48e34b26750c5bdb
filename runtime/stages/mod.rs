//! What each kind of stage computes. The engine calls [`Stages`] and knows no kind by name.

pub(crate) mod adapter;
mod adapter_files;
pub mod base;
mod batches;
pub mod build;
mod captions;
pub mod checkpoint;
mod clips;
pub mod clipset;
mod codec;
mod codec_on;
mod conditioning;
mod control;
pub mod costs;
pub mod curves;
mod dictionary;
pub(crate) mod drawn;
pub mod evaluate;
pub mod evaluators;
pub mod faces;
mod generate;
mod generator;
mod identity_map;
pub mod judge;
mod latents;
pub mod latentset;
mod learner;
mod learning_rate;
pub(crate) mod mechanism;
pub mod needs;
mod optimisation;
pub mod pairs;
mod picture;
mod pretrain;
pub mod public;
pub mod scores;
mod sheets;
pub(crate) mod shipped;
mod sift;
pub mod stills;
mod texts;
mod together;
pub mod train;
mod training;
mod tune;
mod tuned;

use std::time::Duration;

use candle_core::Device;
use serde::de::DeserializeOwned;

use crate::{
    engine::{
        stage::{NumericClass, Stage},
        work::{RunStage, StageError, Work},
    },
    spec,
};

/// Every kind, with the version that this ffrun computes.
const KNOWN: [(&str, u32); 21] = [
    spec::FACES,
    spec::TRAIN,
    spec::EVALUATE,
    spec::CLIPS,
    spec::CODEC,
    spec::LATENTS,
    spec::TEXTS,
    spec::PRETRAIN,
    spec::SHIPPED,
    spec::CHECKPOINT,
    spec::TUNE,
    spec::GENERATE,
    spec::JUDGE,
    spec::EVALUATOR,
    spec::VALIDITY,
    spec::TOGETHER,
    spec::AGREEMENT,
    spec::PHOTOGRAPHS,
    spec::IDENTITY_MAP,
    spec::DICTIONARY,
    spec::SIFT,
];

/// The runner of every kind ffrun knows.
#[derive(Clone, Debug)]
pub struct Stages {
    /// Wall time between two checkpoints of a training. Changes no number.
    pub checkpoint_every: Duration,
}

impl Default for Stages {
    fn default() -> Self {
        Self { checkpoint_every: Duration::from_secs(10) }
    }
}

impl RunStage for Stages {
    fn run(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        if stage.kind == spec::SEEN.0 {
            return Err(StageError::Failed(
                "clips are looked at by `ffrun eval`, which knows where they are".to_owned(),
            ));
        }
        let Some((_, version)) = KNOWN.into_iter().find(|(kind, _)| *kind == stage.kind) else {
            let known: Vec<&str> = KNOWN.iter().map(|(kind, _)| *kind).collect();
            return Err(StageError::Failed(format!(
                "this ffrun knows no stage kind `{}`; it knows {}",
                stage.kind,
                known.join(", ")
            )));
        };
        if version != stage.version {
            return Err(StageError::Failed(format!(
                "the stage was declared for `{}` version {}, this ffrun computes version {version}; \
                 plan the experiment again with this ffrun",
                stage.kind, stage.version
            )));
        }
        match stage.kind.as_str() {
            "faces" => faces::run(stage, work),
            "train" => train::run(stage, work, self.checkpoint_every),
            "clips" => clips::run(stage, work),
            "codec" => codec::run(stage, work),
            "latents" => latents::run(stage, work),
            "texts" => texts::run(stage, work),
            "pretrain" => pretrain::run(stage, work, self.checkpoint_every),
            "shipped" => shipped::run(stage, work),
            "checkpoint" => public::run(stage, work),
            "tune" => tune::run(stage, work, self.checkpoint_every),
            "generate" => generate::run(stage, work),
            "judge" => judge::run(stage, work),
            "evaluator" => evaluators::run(stage, work, self.checkpoint_every),
            "validity" => evaluators::measure(stage, work),
            "agreement" => evaluators::agree(stage, work),
            "photographs" => evaluators::look(stage, work),
            "together" => together::run(work),
            "identity_map" => identity_map::run(stage, work),
            "dictionary" => dictionary::run(stage, work),
            "sift" => sift::run(stage, work),
            _ => evaluate::run(stage, work),
        }
    }
}

/// The typed spec of a stage.
pub(crate) fn spec_of<T: DeserializeOwned>(stage: &Stage) -> Result<T, StageError> {
    serde_json::from_value(stage.spec.clone()).map_err(|error| {
        StageError::Failed(format!(
            "the spec of this `{}` stage cannot be read: {error}",
            stage.kind
        ))
    })
}

/// The folder of the input read as `role`.
pub(crate) fn input<'a>(work: &'a Work<'_>, role: &str) -> Result<&'a std::path::Path, StageError> {
    work.inputs
        .get(role)
        .map(std::path::PathBuf::as_path)
        .ok_or_else(|| StageError::Failed(format!("the stage has no input in the role `{role}`")))
}

/// The candle device of a numeric class. A worker sees only its own GPU, so it is number 0 there.
pub(crate) fn device(class: &NumericClass) -> Result<Device, StageError> {
    match class.device.as_str() {
        "cpu" => Ok(Device::Cpu),
        "cuda" => Device::new_cuda(0).map_err(|error| {
            StageError::Environment(format!(
                "no CUDA device: {}; build with `--features cuda` and check `ffrun doctor`, or run \
                 with `--device cpu`",
                first_line(&error)
            ))
        }),
        other => Err(StageError::Environment(format!(
            "unknown device kind `{other}`; use `cpu` or `cuda:N`"
        ))),
    }
}

/// The fact of a candle error, without the backtrace that `RUST_BACKTRACE` puts into it.
pub(crate) fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// A tensor failure as a stage failure.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
pub(crate) fn tensor_error(error: candle_core::Error) -> StageError {
    StageError::Failed(first_line(&error))
}

/// A network failure as a stage failure.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
pub(crate) fn model_error(error: ffrun_models::error::ModelError) -> StageError {
    StageError::Failed(error.to_string())
}
