//! Declaring an experiment, and the stages that `run(trial)` builds.

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Engine, Map};

use super::{
    complaint::{Complaint, Raised},
    declaration::Declaration,
    host::Host,
    phase::Phase,
    recipe::{Dataset, Model, Recipe, Schedule, Spec},
    trial::Trial,
};
use crate::{
    engine::{key::Key, stage::Stage},
    metrics::{Subject, catalogue},
    spec::{self, MeasureSpec, TrainSpec},
};

/// A trained aligner that does not exist yet.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    pub(super) key: Key,
    /// Side of the images it reads.
    image_px: usize,
    /// The split and the world it was trained on.
    seen: (String, u64),
}

/// The measurement of a trained aligner; what `run(trial)` must return.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    pub(super) key: Key,
}

/// Registers the types and functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Fitted>("Fitted");
    engine.register_type_with_name::<Evaluation>("Evaluation");
    engine.register_type_with_name::<Trial>("Trial");
    engine.register_global_module(exported_module!(building_functions).into());
    engine
        .register_indexer_get(|it: &mut Model, name: &str| it.setting(name).map_err(Raised::from));
    engine
        .register_indexer_get(|it: &mut Trial, name: &str| it.setting(name).map_err(Raised::from));
}

/// The stage of a set of stills.
pub(super) fn faces_stage(host: &Host, dataset: &Dataset) -> Result<Key, Complaint> {
    // Trials share their stills: the key of ten thousand equal specs is computed once.
    let known = host.state().faces.iter().find(|(spec, _)| *spec == dataset.spec).map(|at| at.1);
    if let Some(key) = known {
        return Ok(key);
    }
    let key = add(host, spec::FACES, dataset.spec.as_ref(), |stage| stage)?;
    host.state().faces.push((dataset.spec.clone(), key));
    Ok(key)
}

/// Adds a stage of this kind to the graph.
pub(super) fn add(
    host: &Host,
    (kind, version): (&str, u32),
    spec: &impl serde::Serialize,
    finish: impl FnOnce(Stage) -> Stage,
) -> Result<Key, Complaint> {
    let spec = serde_json::to_value(spec)
        .map_err(|error| Complaint::new("setting", format!("a `{kind}` stage: {error}")))?;
    let mut stage = Stage::new(kind, version, spec);
    stage.class = host.options.class.clone();
    let stage = finish(stage);
    Ok(host.state().graph.add(stage))
}

/// A seed as a script gives it.
pub(super) fn seed_of(seed: i64) -> Result<u64, Complaint> {
    u64::try_from(seed).map_err(|_| {
        Complaint::new("setting", format!("the seed is {seed}, but must be at least 0"))
    })
}

/// The measurement a script gets when it says nothing: every declared metric of this subject.
pub(super) fn declared_measure(
    host: &Host,
    subject: Subject,
) -> Result<Recipe<MeasureSpec>, Complaint> {
    let state = host.state();
    let metrics = state.declaration.iter().flat_map(|declared| &declared.metrics);
    let metrics = metrics.filter(|metric| Subject::of(&metric.name) == subject);
    let mut measure = MeasureSpec::example();
    measure.metrics = metrics.map(|metric| (metric.name.clone(), metric.version)).collect();
    if measure.metrics.is_empty() {
        let message =
            format!("`evaluate` measures {subject}, but no declared metric speaks of that");
        let known = catalogue().into_iter().map(|metric| metric.name);
        let fitting: Vec<String> = known.filter(|name| Subject::of(name) == subject).collect();
        let hint = format!(
            "add to `metrics` of `declare`, for example `{}`",
            fitting.first().map_or("", String::as_str)
        );
        return Err(Complaint::new("setting", message).hint(hint));
    }
    Ok(Recipe { spec: measure.into(), code: std::sync::Arc::default() })
}

fn evaluate_with(
    context: &NativeCallContext,
    fitted: &Fitted,
    dataset: &Dataset,
    settings: &Map,
) -> Result<Evaluation, Raised> {
    let host = Host::in_phase(context, Phase::Run)?;
    let measure = declared_measure(&host, Subject::Aligner)?.but(context, settings)?;
    check_seen_by(fitted, dataset)?;
    let faces = faces_stage(&host, dataset)?;
    let key = add(&host, spec::EVALUATE, measure.spec.as_ref(), |stage| {
        stage.reading("fitted", fitted.key).reading("faces", faces)
    })?;
    Ok(Evaluation { key })
}

/// Refuses stills that an aligner cannot read, or whose people it was trained on.
pub(super) fn check_seen_by(fitted: &Fitted, dataset: &Dataset) -> Result<(), Complaint> {
    check_size(dataset, fitted.image_px)?;
    check_unseen((&dataset.spec.split, dataset.spec.world), &fitted.seen)
}

/// Refuses images of another size than the aligner reads.
pub(super) fn check_size(dataset: &Dataset, image_px: usize) -> Result<(), Complaint> {
    let size_px = dataset.spec.size_px;
    if size_px == image_px {
        return Ok(());
    }
    let message = format!("the stills are {size_px} px wide, but the aligner reads {image_px} px");
    Err(Complaint::new("setting", message).hint("give `size_px` and `image_px` the same value"))
}

/// Refuses to measure on the people of the training: every metric speaks of unseen people.
pub(super) fn check_unseen(
    (split, world): (&str, u64),
    seen: &(String, u64),
) -> Result<(), Complaint> {
    if *split != seen.0 || world != seen.1 {
        return Ok(());
    }
    let message = format!("the model was trained on the people of the split `{split}`");
    Err(Complaint::new("setting", message)
        .hint("measure on people it has never seen: those of the split `test`"))
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod building_functions {
    /// Declares the experiment. Belongs at the top level of the script.
    ///
    /// `vary` is a map of arrays: `run(trial)` is called for every combination of their values
    /// and every seed. For an order of one's own it may be an array of such maps. With
    /// `alone: true` the experiment runs only when it is named: `ffrun FOLDER` leaves it out.
    /// ```rhai
    /// declare(#{
    ///     name:    "sizes",
    ///     asks:    "How many elements should the dictionary hold?",
    ///     vary:    #{ elements: [1024, 4096] },
    ///     seeds:   3,
    ///     metrics: ["retrieval_top1", "pia_loss"],
    /// });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn declare(context: NativeCallContext, experiment: Map) -> Result<(), Raised> {
        let host = Host::of(&context)?;
        let declaration = Declaration::read(&host, &experiment)?;
        let mut state = host.state();
        // Rhai runs the top level again before every call of a function, so that constants are
        // seen there: the same declaration is no second one.
        match &state.declaration {
            Some(first) if *first != declaration => {
                let message = format!("`{}` is declared after `{}`", declaration.name, first.name);
                Err(Complaint::new("contract", message)
                    .hint("one script declares one experiment")
                    .into())
            }
            _ => {
                state.declaration = Some(declaration);
                Ok(())
            }
        }
    }

    /// Two measurements of one trial, to be returned by `run(trial)` as one.
    /// ```rhai
    /// evaluate(fitted, faces.test) + evaluate(generate(tuned, clips.test, sampler::unipc()))
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn together(
        context: NativeCallContext,
        left: Evaluation,
        right: Evaluation,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let key = add(&host, spec::TOGETHER, &serde_json::json!({}), |stage| {
            stage.reading("a", left.key).reading("b", right.key)
        })?;
        Ok(Evaluation { key })
    }

    /// Trains a model on stills. Belongs in `run(trial)`; nothing is computed until the plan is
    /// known.
    /// ```rhai
    /// let fitted = train(model, faces.train, schedule::aligner(), trial.seed);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn train(
        context: NativeCallContext,
        model: Model,
        dataset: Dataset,
        schedule: Schedule,
        seed: i64,
    ) -> Result<Fitted, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let seed = seed_of(seed)?;
        check_size(&dataset, model.spec.image_px)?;
        let faces = faces_stage(&host, &dataset)?;
        let train = TrainSpec {
            model: model.spec.as_ref().clone(),
            schedule: schedule.spec.as_ref().clone(),
            seed,
        };
        let key = add(&host, spec::TRAIN, &train, |mut stage| {
            stage.code.extend(model.code.iter().map(|(role, text)| (role.clone(), text.clone())));
            stage
                .code
                .extend(schedule.code.iter().map(|(role, text)| (role.clone(), text.clone())));
            stage.reading("faces", faces)
        })?;
        let seen = (dataset.spec.split.clone(), dataset.spec.world);
        Ok(Fitted { key, image_px: model.spec.image_px, seen })
    }

    /// Measures a trained model on stills of people it has never seen: every declared metric.
    /// Belongs in `run(trial)`, as its last line.
    /// ```rhai
    /// evaluate(fitted, faces.test)
    /// ```
    #[rhai_fn(return_raw)]
    pub fn evaluate(
        context: NativeCallContext,
        fitted: Fitted,
        dataset: Dataset,
    ) -> Result<Evaluation, Raised> {
        evaluate_with(&context, &fitted, &dataset, &Map::new())
    }

    /// The same with settings of the measurement changed: `yaw_bins_deg`, `gallery_deg`, `pairs`.
    /// ```rhai
    /// evaluate(fitted, faces.test, #{ gallery_deg: 10 })
    /// ```
    #[rhai_fn(name = "evaluate", return_raw)]
    pub fn evaluate_but(
        context: NativeCallContext,
        fitted: Fitted,
        dataset: Dataset,
        settings: Map,
    ) -> Result<Evaluation, Raised> {
        evaluate_with(&context, &fitted, &dataset, &settings)
    }
}
