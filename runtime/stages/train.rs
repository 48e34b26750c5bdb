//! The `train` stage: an aligner on pairs of faces under L_PIA (paper Eq. 5), step-exact whenever
//! it is interrupted.

use std::time::Duration;

use candle_core::{Device, Tensor};
use ffrun_models::{
    checkpoint::encode,
    dictionary::AlignerOutput,
    grad_cache::{self, LossAndGradients, Objective, loss_and_gradients},
    gradients::Gradients,
    loss::MAX_LOGIT_SCALE,
    params::Params,
};

use super::{
    build::{Built, LOGIT_SCALE, build, compile},
    checkpoint::State,
    curves::{self, Curves},
    device, input, model_error,
    optimisation::Optimisation,
    pairs::Pairs,
    spec_of,
    stills::Stills,
    tensor_error,
    training::{Training, keep_curves, kept_curves, run_to_end},
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    script::Closure,
    spec::{Choice, TrainSpec},
};

/// Name of the trained weights in a `train` result.
pub const WEIGHTS: &str = "weights.safetensors";
/// Name of the spec in a `train` result, from which an evaluation rebuilds the network.
pub const MODEL: &str = "stage.json";

/// What is logged: L_PIA (Eq. 5), the script's extra term (0 without one), learning rate, gradient
/// norm before clipping, and the learnt logit scale ln(1/τ).
const CURVES: &[&str] = &["loss", "extra_loss", "lr", "gradient_norm", "logit_scale"];

/// Trains, from the newest checkpoint if there is one.
pub(super) fn run(
    stage: &Stage,
    work: &Work<'_>,
    checkpoint_every: Duration,
) -> Result<(), StageError> {
    let stills = Stills::read(input(work, "faces")?)?;
    let mut training = AlignerTraining::new(spec_of(stage)?, stage, &stills)?;
    let device = training.device.clone();
    run_to_end(&mut training, work, &device, checkpoint_every)?;
    training.finish(stage, work)
}

/// An aligner in training, alone or beside a generator.
pub(super) struct AlignerTraining<'a> {
    spec: TrainSpec,
    stills: &'a Stills,
    device: Device,
    pub(super) built: Built,
    optimisation: Optimisation,
    extra: Option<Closure>,
    pairs: Pairs,
    pub(super) curves: Curves,
    step: u64,
}

impl Training for AlignerTraining<'_> {
    fn done(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.spec.schedule.steps
    }

    fn one_step(&mut self) -> Result<(), StageError> {
        self.step_with(None)
    }

    fn note(&self) -> String {
        self.curves.last().map_or(String::new(), |loss| format!("loss {loss:.3}"))
    }

    fn curves(&self) -> String {
        self.curves.to_csv()
    }

    /// All that the next step depends on. Random streams need no state: they are counter-based.
    fn state(&self) -> Result<State, StageError> {
        let mut state = self.optimisation.state(&self.built.params)?;
        keep_curves(&self.curves, &mut state)?;
        Ok(state)
    }

    fn restore(&mut self, step: u64, state: &State) -> Result<(), StageError> {
        self.optimisation.restore(&self.built.params, state)?;
        self.curves = kept_curves(CURVES, state)?;
        self.step = step;
        Ok(())
    }
}

impl<'a> AlignerTraining<'a> {
    /// Before the first step; `stage` carries closures and names the device.
    pub(super) fn new(
        spec: TrainSpec,
        stage: &Stage,
        stills: &'a Stills,
    ) -> Result<Self, StageError> {
        let schedule = &spec.schedule;
        check_fits(&spec, stills)?;
        let device = device(&stage.class)?;
        let built = build(
            &spec.model,
            &stage.code,
            Params::new(&device),
            (spec.seed, schedule.logit_scale),
        )?;
        let extra = match &schedule.extra_loss {
            Choice::Builtin(_) => None,
            Choice::Closure { closure } => Some(compile(closure, &stage.code)?),
        };
        Ok(Self {
            optimisation: Optimisation::new(&built.params, &schedule.into(), &stage.code)?,
            pairs: Pairs::new(stills, schedule.min_gap_deg, spec.seed),
            curves: Curves::new(CURVES),
            step: 0,
            spec,
            stills,
            device,
            built,
            extra,
        })
    }

    /// One optimiser step: draw pairs, L_PIA and its gradients, add those of another loss, clip,
    /// move, average.
    pub(super) fn step_with(&mut self, other: Option<Gradients>) -> Result<(), StageError> {
        let mut found = self.gradients(self.stills)?;
        if let Some(other) = other {
            found.gradients.accumulate(other).map_err(tensor_error)?;
        }
        if !found.pia.is_finite() {
            return Err(StageError::Failed(format!(
                "the loss is {} at step {}; lower `lr`, or clip gradients with `clip`",
                found.pia,
                self.step + 1
            )));
        }
        let params = &self.built.params;
        let (report, lr) = self.optimisation.step(params, &found.gradients, self.step)?;
        clamp_logit_scale(params, &self.built.logit_scale)?;
        self.optimisation.average(params, self.step)?;
        self.step += 1;
        let schedule = &self.spec.schedule;
        if self.step == 1
            || self.step.is_multiple_of(schedule.log_every)
            || self.step == schedule.steps
        {
            let extra = f64::from(found.extra.unwrap_or(0.0));
            let scale = f64::from(logit_scale(&self.built.logit_scale)?);
            let point = [f64::from(found.pia), extra, lr, report.gradient_norm, scale];
            self.curves.push(self.step, &point);
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

    /// The bytes of the trained weights' file.
    pub(super) fn weights(&self) -> Result<Vec<u8>, StageError> {
        encode(&self.optimisation.weights(&self.built.params)?).map_err(model_error)
    }

    fn finish(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        files::write_atomic(&work.out.join(WEIGHTS), &self.weights()?)?;
        let model = serde_json::to_vec_pretty(stage).unwrap_or_default();
        files::write_atomic(&work.out.join(MODEL), &model)?;
        self.curves.write(&work.out.join(curves::FILE))
    }
}

/// ln(1/τ) as it is now.
fn logit_scale(scale: &Tensor) -> Result<f32, StageError> {
    scale.to_scalar().map_err(tensor_error)
}

/// CLIP keeps 1/τ at 100 or below by clamping after each step.
fn clamp_logit_scale(params: &Params, scale: &Tensor) -> Result<(), StageError> {
    let cap = MAX_LOGIT_SCALE as f32;
    if logit_scale(scale)? <= cap {
        return Ok(());
    }
    let Some(param) = params.get(LOGIT_SCALE) else { return Ok(()) };
    let capped = Tensor::new(cap, params.device()).map_err(tensor_error)?;
    param.var().set(&capped).map_err(tensor_error)
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
