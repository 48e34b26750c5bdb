//! The stages of in-world evaluators: their training, and their measurement on unseen people.

use rhai::Engine;
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;

use super::{
    building::{self, add, check_unseen, declared_measure, seed_of},
    complaint::{Complaint, Raised},
    generating::clips_stage,
    host::Host,
    phase::Phase,
    recipe::{Clipset, Evaluator},
};
use crate::{
    engine::key::Key,
    metrics::Subject,
    spec::{self, EvaluatorTraining, ValiditySpec},
};

/// A trained evaluator that does not exist yet.
#[derive(Clone, Debug)]
pub(super) struct FittedEvaluator {
    pub(super) key: Key,
    /// Side of the frames it reads.
    image_px: usize,
    /// The split and the world it was trained on.
    pub(super) seen: (String, u64),
}

/// Registers the types and functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<FittedEvaluator>("FittedEvaluator");
    engine.register_global_module(exported_module!(judging_functions).into());
}

/// Refuses frames of another size than the evaluator reads.
fn check_size(clips: &Clipset, image_px: usize) -> Result<(), Complaint> {
    let size_px = clips.spec.size_px;
    if size_px == image_px {
        return Ok(());
    }
    let message = format!("the clips are {size_px} px wide, but the evaluator reads {image_px} px");
    Err(Complaint::new("setting", message).hint("give `size_px` and `image_px` the same value"))
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod judging_functions {
    /// Trains an in-world evaluator on clips and their references. Belongs in `run(trial)`.
    /// ```rhai
    /// let ruler = train(evaluators::arcface(), evaluators::clips("train"), trial.seed);
    /// ```
    #[rhai_fn(name = "train", return_raw)]
    pub fn train_evaluator(
        context: NativeCallContext,
        evaluator: Evaluator,
        clips: Clipset,
        seed: i64,
    ) -> Result<FittedEvaluator, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_size(&clips, evaluator.spec.image_px)?;
        let shown = clips_stage(&host, &clips.spec)?;
        let training =
            EvaluatorTraining { evaluator: evaluator.spec.as_ref().clone(), seed: seed_of(seed)? };
        let key = add(&host, spec::EVALUATOR, &training, |stage| stage.reading("clips", shown))?;
        let seen = (clips.spec.split.clone(), clips.spec.world);
        Ok(FittedEvaluator { key, image_px: evaluator.spec.image_px, seen })
    }

    /// Measures an in-world evaluator on clips of people it has never seen: every declared metric
    /// that speaks of its kind. Belongs in `run(trial)`, as its last line.
    /// ```rhai
    /// evaluate(ruler, evaluators::clips("test"))
    /// ```
    #[rhai_fn(name = "evaluate", return_raw)]
    pub fn evaluate_evaluator(
        context: NativeCallContext,
        evaluator: FittedEvaluator,
        clips: Clipset,
    ) -> Result<building::Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_size(&clips, evaluator.image_px)?;
        check_unseen((&clips.spec.split, clips.spec.world), &evaluator.seen)?;
        let shown = clips_stage(&host, &clips.spec)?;
        let metrics = declared_measure(&host, Subject::Evaluator)?.spec.metrics.clone();
        let key = add(&host, spec::VALIDITY, &ValiditySpec { metrics }, |stage| {
            stage.reading("evaluator", evaluator.key).reading("clips", shown)
        })?;
        Ok(building::Evaluation { key })
    }
}
