//! The `train` stage: an aligner on pairs of faces under L_PIA (paper Eq. 5), step-exact whenever
//! it is interrupted.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use candle_core::{Device, Tensor};
use ffrun_models::{
    checkpoint::encode,
    dictionary::AlignerOutput,
    ema::Ema,
    grad_cache::{self, LossAndGradients, Objective, loss_and_gradients},
    gradients::dead_parameters,
    loss::MAX_LOGIT_SCALE,
    optim::{AdamW, AdamWConfig},
    params::Params,
};

use super::{
    build::{Built, LOGIT_SCALE, build, compile},
    checkpoint::Checkpoints,
    curves::{self, Curves},
    device, input,
    learning_rate::LearningRate,
    model_error,
    pairs::Pairs,
    spec_of,
    stills::Stills,
    tensor_error,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    script::Closure,
    spec::{Choice, ScheduleSpec, TrainSpec},
};

/// Name of the trained weights in a `train` result.
pub const WEIGHTS: &str = "weights.safetensors";
/// Name of the spec in a `train` result, from which an evaluation rebuilds the network.
pub const MODEL: &str = "stage.json";

/// Trains, from the newest checkpoint if there is one.
pub(super) fn run(
    stage: &Stage,
    work: &Work<'_>,
    checkpoint_every: Duration,
) -> Result<(), StageError> {
    let stills = Stills::read(input(work, "faces")?)?;
    let mut training = Training::new(stage, &stills)?;
    let checkpoints = Checkpoints::in_folder(&work.scratch)?;
    let warn = |text: String| eprintln!("warning: {text}");
    if let Some((step, state)) = checkpoints.newest(&training.device, &warn)? {
        training.restore(step, &state)?;
    }
    let steps = training.spec.schedule.steps;
    let mut saved = Instant::now();
    while training.step < steps {
        training.one_step(&stills)?;
        let note =
            training.curves.last_loss().map_or(String::new(), |loss| format!("loss {loss:.3}"));
        (work.progress)(Progress { done: training.step, total: steps, note });
        let stop = work.stop.load(Ordering::SeqCst);
        if training.step < steps && (stop || saved.elapsed() >= checkpoint_every) {
            checkpoints.save(training.step, &training.state()?)?;
            saved = Instant::now();
        }
        if stop && training.step < steps {
            return Err(StageError::Interrupted);
        }
    }
    training.finish(stage, work)
}

struct Training {
    spec: TrainSpec,
    device: Device,
    built: Built,
    optimiser: AdamW,
    ema: Option<Ema>,
    extra: Option<Closure>,
    lr: LearningRate,
    pairs: Pairs,
    curves: Curves,
    /// Steps made.
    step: u64,
}

impl Training {
    fn new(stage: &Stage, stills: &Stills) -> Result<Self, StageError> {
        let spec: TrainSpec = spec_of(stage)?;
        let schedule = &spec.schedule;
        check_fits(&spec, stills)?;
        let device = device(&stage.class)?;
        let built = build(
            &spec.model,
            &stage.code,
            Params::new(&device),
            (spec.seed, schedule.logit_scale),
        )?;
        let optimiser = AdamW::new(&built.params, adamw(schedule)).map_err(model_error)?;
        let ema = (schedule.ema > 0.0).then(|| Ema::new(&built.params, schedule.ema));
        let extra = match &schedule.extra_loss {
            Choice::Builtin(_) => None,
            Choice::Closure { closure } => Some(compile(closure, &stage.code)?),
        };
        Ok(Self {
            ema: ema.transpose().map_err(model_error)?,
            lr: LearningRate::new(schedule, &stage.code)?,
            pairs: Pairs::new(stills, schedule.min_gap_deg, spec.seed),
            curves: Curves::default(),
            step: 0,
            spec,
            device,
            built,
            optimiser,
            extra,
        })
    }

    /// One optimiser step: draw pairs, L_PIA and its gradients, clip, move, average.
    fn one_step(&mut self, stills: &Stills) -> Result<(), StageError> {
        let found = self.gradients(stills)?;
        if self.step == 0 {
            self.check_alive(&found)?;
        }
        if !found.pia.is_finite() {
            return Err(StageError::Failed(format!(
                "the loss is {} at step {}; lower `lr`, or clip gradients with `clip`",
                found.pia,
                self.step + 1
            )));
        }
        let lr = self.lr.at(self.step)?;
        let params = &self.built.params;
        let report = self.optimiser.step(params, &found.gradients, lr).map_err(model_error)?;
        self.clamp_logit_scale()?;
        if let Some(ema) = &mut self.ema {
            ema.update(&self.built.params, self.step).map_err(model_error)?;
        }
        self.step += 1;
        let schedule = &self.spec.schedule;
        if self.step == 1
            || self.step.is_multiple_of(schedule.log_every)
            || self.step == schedule.steps
        {
            let extra = f64::from(found.extra.unwrap_or(0.0));
            let scale = f64::from(self.logit_scale()?);
            let point = [f64::from(found.pia), extra, lr, report.gradient_norm, scale];
            self.curves.push(self.step, point);
        }
        Ok(())
    }

    fn gradients(&self, stills: &Stills) -> Result<LossAndGradients, StageError> {
        let schedule = &self.spec.schedule;
        let drawn = self.pairs.of_step(self.step, schedule.pairs);
        let batch = || -> candle_core::Result<grad_cache::Pairs> {
            let side = |faces: &[usize]| -> candle_core::Result<(Tensor, Tensor)> {
                Ok((stills.images(faces, &self.device)?, stills.eulers(faces, &self.device)?))
            };
            let (first, second) = (side(&drawn.first)?, side(&drawn.second)?);
            Ok(grad_cache::Pairs {
                images: [first.0, second.0],
                eulers: [first.1, second.1],
                identities: schedule.mask_same_identity.then(|| drawn.people.clone()),
            })
        };
        let extra = self.extra.as_ref().map(|closure| {
            move |first: &AlignerOutput, second: &AlignerOutput| {
                closure.tensors(&[
                    first.shared_bd.clone(),
                    second.shared_bd.clone(),
                    first.weights_bc.clone(),
                    second.weights_bc.clone(),
                ])
            }
        });
        let objective = Objective {
            logit_scale: &self.built.logit_scale,
            extra: extra.as_ref().map(|extra| extra as &grad_cache::ExtraLoss<'_>),
            chunk: schedule.chunk,
            step: self.step,
        };
        let pairs = batch().map_err(tensor_error)?;
        loss_and_gradients(&self.built.aligner, &self.built.params, &pairs, &objective)
            .map_err(tensor_error)
    }

    /// candle cuts gradients without a word in several of its ops, so the first step asks.
    fn check_alive(&self, found: &LossAndGradients) -> Result<(), StageError> {
        let dead = dead_parameters(&self.built.params, &found.gradients).map_err(tensor_error)?;
        if dead.is_empty() {
            return Ok(());
        }
        Err(StageError::Failed(format!(
            "no gradient reaches {}; a custom pooling, normaliser or loss that does not depend on \
             its input cuts it",
            dead.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )))
    }

    fn logit_scale(&self) -> Result<f32, StageError> {
        self.built.logit_scale.to_scalar().map_err(tensor_error)
    }

    /// CLIP keeps 1/τ at 100 or below by clamping after each step.
    fn clamp_logit_scale(&self) -> Result<(), StageError> {
        let cap = MAX_LOGIT_SCALE as f32;
        if self.logit_scale()? <= cap {
            return Ok(());
        }
        let Some(param) = self.built.params.get(LOGIT_SCALE) else { return Ok(()) };
        let capped = Tensor::new(cap, &self.device).map_err(tensor_error)?;
        param.var().set(&capped).map_err(tensor_error)
    }

    /// All that the next step depends on. Random streams need no state: they are counter-based.
    fn state(&self) -> Result<BTreeMap<String, Tensor>, StageError> {
        let mut state = prefixed("weights/", self.built.params.to_map().map_err(model_error)?);
        let optimiser = self.optimiser.to_map(&self.built.params).map_err(model_error)?;
        state.extend(prefixed("optimiser/", optimiser));
        if let Some(ema) = &self.ema {
            state.extend(prefixed("ema/", ema.to_map().map_err(model_error)?));
        }
        let flat = self.curves.to_flat();
        let count = flat.len();
        let flat = Tensor::from_vec(flat, count, &Device::Cpu).map_err(tensor_error)?;
        state.insert("curves".to_owned(), flat);
        Ok(state)
    }

    fn restore(&mut self, step: u64, state: &BTreeMap<String, Tensor>) -> Result<(), StageError> {
        let params = &self.built.params;
        params.load(&without_prefix("weights/", state)).map_err(model_error)?;
        let moments = without_prefix("optimiser/", state);
        self.optimiser.load(params, &moments).map_err(model_error)?;
        if let Some(ema) = &mut self.ema {
            ema.load(&without_prefix("ema/", state)).map_err(model_error)?;
        }
        if let Some(flat) = state.get("curves") {
            self.curves = Curves::from_flat(&flat.to_vec1().map_err(tensor_error)?);
        }
        self.step = step;
        Ok(())
    }

    fn finish(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        let weights = match &self.ema {
            Some(ema) => ema.to_map(),
            None => self.built.params.to_map(),
        };
        let bytes = encode(&weights.map_err(model_error)?).map_err(model_error)?;
        files::write_atomic(&work.out.join(WEIGHTS), &bytes)?;
        let model = serde_json::to_vec_pretty(stage).unwrap_or_default();
        files::write_atomic(&work.out.join(MODEL), &model)?;
        self.curves.write(&work.out.join(curves::FILE))
    }
}

fn check_fits(spec: &TrainSpec, stills: &Stills) -> Result<(), StageError> {
    if stills.size_px != spec.model.image_px {
        return Err(StageError::Failed(format!(
            "the faces are {} px wide, but the aligner reads {} px; set `size_px` of the faces or \
             `image_px` of the aligner",
            stills.size_px, spec.model.image_px
        )));
    }
    let people = Pairs::new(stills, 0.0, 0).people();
    if people < 2 {
        return Err(StageError::Failed(format!(
            "contrastive training needs at least 2 people with 2 faces each, found {people}; raise \
             `identities` and `views`"
        )));
    }
    Ok(())
}

fn adamw(schedule: &ScheduleSpec) -> AdamWConfig {
    AdamWConfig {
        beta1: schedule.beta1,
        beta2: schedule.beta2,
        weight_decay: schedule.weight_decay,
        clip: schedule.clip,
        ..AdamWConfig::default()
    }
}

fn prefixed(prefix: &str, map: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    map.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect()
}

fn without_prefix(prefix: &str, map: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    map.iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())))
        .collect()
}
