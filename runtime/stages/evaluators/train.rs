//! The `evaluator` stage: an in-world evaluator learns from people of the training split.

use std::time::Duration;

use candle_core::{Device, Tensor};
use ffrun_models::{
    evaluators::{Classes, Curriculum},
    gradients::Gradients,
    optim::{AdamWConfig, GroupRule},
    params::Params,
};

use super::{
    batch,
    evaluator::{FILE, encode},
    material::Material,
    network::Network,
    objective::Objective,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    spec::{Choice, EvaluatorSpec, EvaluatorTraining},
    stages::{
        checkpoint::State,
        clipset::Clips,
        curves::{self, Curves},
        device, input,
        optimisation::{Optimisation, Settings},
        spec_of, tensor_error,
        training::{Training, keep_curves, kept_curves, run_to_end},
    },
};

/// What is logged: the loss of the batch, learning rate, gradient norm before clipping.
const CURVES: &[&str] = &["evaluator_loss", "lr", "gradient_norm"];

/// Where a checkpoint keeps CurricularFace's t.
const CURRICULUM: &str = "curriculum";

/// Trains, from the newest checkpoint if there is one.
pub(in crate::stages) fn run(
    stage: &Stage,
    work: &Work<'_>,
    checkpoint_every: Duration,
) -> Result<(), StageError> {
    let mut training = EvaluatorRun::new(stage, work)?;
    let device = training.device.clone();
    run_to_end(&mut training, work, &device, checkpoint_every)?;
    let weights = training.optimisation.weights(&training.params)?;
    let bytes = encode(&training.spec.evaluator, weights)?;
    files::write_atomic(&work.out.join(FILE), &bytes)?;
    let curves = training.curves.to_csv();
    Ok(files::write_atomic(&work.out.join(curves::FILE), curves.as_bytes())?)
}

struct EvaluatorRun {
    spec: EvaluatorTraining,
    material: Material,
    device: Device,
    params: Params,
    objective: Objective,
    optimisation: Optimisation,
    curves: Curves,
    loss: f64,
    step: u64,
}

impl EvaluatorRun {
    fn new(stage: &Stage, work: &Work<'_>) -> Result<Self, StageError> {
        let spec: EvaluatorTraining = spec_of(stage)?;
        let device = device(&stage.class)?;
        let clips = Clips::read(input(work, "clips")?)?;
        let recipe = &spec.evaluator;
        let material = Material::new(clips, recipe.least_visible, Objective::learns_from(recipe));
        check_fits(recipe, &material)?;
        let mut params = Params::new(&device);
        let network = Network::new(recipe, &mut params, spec.seed)?;
        let people = (material.people.len(), spec.seed);
        let objective = Objective::new(recipe, network, &mut params, people)?;
        let optimisation = Optimisation::new(&params, &settings(recipe), &stage.code)?;
        Ok(Self {
            material,
            device,
            params,
            objective,
            optimisation,
            curves: Curves::new(CURVES),
            loss: f64::NAN,
            step: 0,
            spec,
        })
    }
}

impl Training for EvaluatorRun {
    fn done(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.spec.evaluator.steps
    }

    fn one_step(&mut self) -> Result<(), StageError> {
        let batch = batch::of_step(&self.material, &self.spec, self.step, &self.device);
        let batch = batch.map_err(tensor_error)?;
        let loss = self.objective.loss(&self.params, (&self.material, &batch), self.step)?;
        self.loss = f64::from(loss.to_scalar::<f32>().map_err(tensor_error)?);
        if !self.loss.is_finite() {
            let (loss, step) = (self.loss, self.step + 1);
            return Err(StageError::Failed(format!(
                "the loss is {loss} at step {step}; lower `lr`, or clip gradients with `clip`"
            )));
        }
        let gradients = Gradients::take(&self.params, &mut loss.backward().map_err(tensor_error)?);
        let (report, lr) = self.optimisation.step(&self.params, &gradients, self.step)?;
        self.optimisation.average(&self.params, self.step)?;
        self.step += 1;
        let recipe = &self.spec.evaluator;
        if self.step == 1 || self.step.is_multiple_of(recipe.log_every) || self.step == recipe.steps
        {
            self.curves.push(self.step, &[self.loss, lr, report.gradient_norm]);
        }
        Ok(())
    }

    fn note(&self) -> String {
        format!("loss {:.3}", self.loss)
    }

    fn curves(&self) -> String {
        self.curves.to_csv()
    }

    fn state(&self) -> Result<State, StageError> {
        let mut state = self.optimisation.state(&self.params)?;
        if let Some(curriculum) = self.objective.curriculum {
            let t = Tensor::new(curriculum.t, &Device::Cpu).map_err(tensor_error)?;
            state.insert(CURRICULUM.to_owned(), t);
        }
        keep_curves(&self.curves, &mut state)?;
        Ok(state)
    }

    fn restore(&mut self, step: u64, state: &State) -> Result<(), StageError> {
        self.optimisation.restore(&self.params, state)?;
        if let (Some(curriculum), Some(kept)) =
            (&mut self.objective.curriculum, state.get(CURRICULUM))
        {
            *curriculum = Curriculum { t: kept.to_scalar().map_err(tensor_error)? };
        }
        self.curves = kept_curves(CURVES, state)?;
        self.step = step;
        Ok(())
    }
}

/// What of an evaluator's spec concerns the optimiser.
fn settings(spec: &EvaluatorSpec) -> Settings {
    let classes = GroupRule {
        prefix: Classes::NAME.to_owned(),
        lr_factor: spec.classes_lr,
        weight_decay: None,
    };
    Settings {
        steps: spec.steps,
        lr: spec.lr,
        lr_schedule: Choice::Builtin("cosine".to_owned()),
        warmup: spec.warmup,
        adamw: AdamWConfig {
            beta1: spec.beta1,
            beta2: spec.beta2,
            weight_decay: spec.weight_decay,
            clip: spec.clip,
            rules: vec![classes],
            ..AdamWConfig::default()
        },
        ema: spec.ema,
        muon_lr: (spec.muon_lr > 0.0).then_some(spec.muon_lr),
        alive_at: 0,
    }
}

fn check_fits(spec: &EvaluatorSpec, material: &Material) -> Result<(), StageError> {
    let size_px = material.clips.size_px;
    if size_px != spec.image_px {
        return Err(StageError::Failed(format!(
            "the clips are {size_px} px wide, but the evaluator reads {} px; set `size_px` of the \
             clips or `image_px` of the evaluator",
            spec.image_px
        )));
    }
    if material.people.len() < 2 {
        return Err(StageError::Failed(format!(
            "an evaluator learns from at least 2 people, found {}; raise `identities`",
            material.people.len()
        )));
    }
    Ok(())
}
