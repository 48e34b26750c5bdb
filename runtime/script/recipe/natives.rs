//! The functions that make and change recipes.

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Engine, Map};

use super::{Dataset, Model, Schedule};
use crate::script::complaint::Raised;

/// Registers the types and functions.
pub(in crate::script) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Dataset>("Dataset");
    engine.register_type_with_name::<Model>("Model");
    engine.register_type_with_name::<Schedule>("Schedule");
    engine.register_global_module(exported_module!(recipe_functions).into());
    engine.register_indexer_get(|it: &mut Dataset, name: &str| {
        it.setting(name).map_err(Raised::from)
    });
    engine
        .register_indexer_get(|it: &mut Model, name: &str| it.setting(name).map_err(Raised::from));
    engine.register_indexer_get(|it: &mut Schedule, name: &str| {
        it.setting(name).map_err(Raised::from)
    });
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod recipe_functions {
    /// Still images of heads with exact angles. Takes every setting; `heads::stills()` is the
    /// place to start from.
    /// ```rhai
    /// let faces = heads::stills();
    /// let wide  = faces.train.but(#{ yaw_deg: 90 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn stills(context: NativeCallContext, settings: Map) -> Result<Dataset, Raised> {
        Dataset::make(&context, &settings)
    }

    /// A pose-shared identity aligner before training. Takes every setting; `aligner::paper()`
    /// and `aligner::recommended()` are the places to start from.
    /// ```rhai
    /// let model = aligner::paper().but(#{ elements: 8192 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn aligner_model(context: NativeCallContext, settings: Map) -> Result<Model, Raised> {
        Model::make(&context, &settings)
    }

    /// Batches, optimiser and length of a training. Takes every setting; `schedule::aligner()`
    /// is the place to start from.
    /// ```rhai
    /// let longer = schedule::aligner().but(#{ steps: 1000 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn training(context: NativeCallContext, settings: Map) -> Result<Schedule, Raised> {
        Schedule::make(&context, &settings)
    }

    /// The same stills with these settings changed.
    #[rhai_fn(name = "but", return_raw, pure)]
    pub fn dataset_but(
        context: NativeCallContext,
        dataset: &mut Dataset,
        settings: Map,
    ) -> Result<Dataset, Raised> {
        dataset.but(&context, &settings)
    }

    /// The same model with these settings changed. `pool` and `normalizer` may be functions.
    /// ```rhai
    /// let soft = aligner::paper().but(#{ pool: |c| (c * 8.0).log_sum_exp(-2) / 8.0 });
    /// ```
    #[rhai_fn(name = "but", return_raw, pure)]
    pub fn model_but(
        context: NativeCallContext,
        model: &mut Model,
        settings: Map,
    ) -> Result<Model, Raised> {
        model.but(&context, &settings)
    }

    /// The same schedule with these settings changed. `lr_schedule` and `extra_loss` may be
    /// functions.
    /// ```rhai
    /// let linear = schedule::aligner().but(#{ lr_schedule: |progress| 1.0 - progress });
    /// ```
    #[rhai_fn(name = "but", return_raw, pure)]
    pub fn schedule_but(
        context: NativeCallContext,
        schedule: &mut Schedule,
        settings: Map,
    ) -> Result<Schedule, Raised> {
        schedule.but(&context, &settings)
    }
}
