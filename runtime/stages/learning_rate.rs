//! The learning rate of a training: a built-in shape or a script's closure, after warm-up.

use std::collections::BTreeMap;

use ffrun_models::lr::{LrSchedule, LrShape};

use super::{build::compile, optimisation::Settings};
use crate::{engine::work::StageError, script::Closure, spec::Choice};

/// The learning rate of a step: warm-up, then a built-in shape or a script's.
pub(super) struct LearningRate {
    schedule: LrSchedule,
    shape: Shape,
}

enum Shape {
    Builtin(LrShape),
    Closure(Box<Closure>),
}

impl LearningRate {
    /// The schedule of these settings; `code` holds its closure, if they name one.
    pub(super) fn new(
        settings: &Settings,
        code: &BTreeMap<String, String>,
    ) -> Result<Self, StageError> {
        let shape = match &settings.lr_schedule {
            Choice::Builtin(name) if name == "constant" => Shape::Builtin(LrShape::Constant),
            Choice::Builtin(name) if name == "cosine" => Shape::Builtin(LrShape::Cosine),
            Choice::Builtin(name) => {
                return Err(StageError::Failed(format!(
                    "unknown learning-rate schedule `{name}`; use `constant`, `cosine` or a closure"
                )));
            }
            Choice::Closure { closure } => Shape::Closure(Box::new(compile(closure, code)?)),
        };
        let schedule =
            LrSchedule { peak: settings.lr, warmup: settings.warmup, steps: settings.steps };
        Ok(Self { schedule, shape })
    }

    /// The learning rate of a step, counted from 0.
    pub(super) fn at(&self, step: u64) -> Result<f64, StageError> {
        match &self.shape {
            Shape::Builtin(shape) => Ok(self.schedule.at(step, *shape)),
            Shape::Closure(closure) => {
                let factor = closure.number(self.schedule.progress(step)).map_err(|error| {
                    StageError::Failed(format!("closure `lr_schedule`: {error}"))
                })?;
                Ok(self.schedule.scaled(step, factor))
            }
        }
    }
}
