//! AdamW with its schedule and weight average: how every training moves its parameters.

use std::collections::BTreeMap;

use ffrun_models::{
    ema::Ema,
    gradients::{Gradients, dead_parameters},
    muon::{Muon, MuonConfig},
    optim::{AdamW, AdamWConfig, StepReport},
    params::{Param, Params},
};

use super::{
    checkpoint::State,
    learning_rate::LearningRate,
    model_error, tensor_error,
    training::{prefixed, without_prefix},
};
use crate::{
    engine::work::StageError,
    spec::{Choice, FlowSpec, ScheduleSpec},
};

/// What of a schedule concerns the optimiser.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) steps: u64,
    pub(super) lr: f64,
    pub(super) lr_schedule: Choice,
    pub(super) warmup: u64,
    pub(super) adamw: AdamWConfig,
    pub(super) ema: f64,
    /// Peak learning rate of Muon, if it moves the matrices inside the blocks.
    pub(super) muon_lr: Option<f64>,
    /// The step (from 0) at which every parameter must have a gradient.
    pub(super) alive_at: u64,
}

/// Wan's head, VACE's projections and LoRA's B start at zero, and what feeds a zero gets no gradient
/// until it has moved: the longest such chain of a generator is this many steps.
const ZEROS_IN_A_ROW: u64 = 4;

/// AdamW as a spec sets it.
fn adamw([beta1, beta2]: [f64; 2], weight_decay: f64, clip: f64) -> AdamWConfig {
    AdamWConfig { beta1, beta2, weight_decay, clip, ..AdamWConfig::default() }
}

impl From<&ScheduleSpec> for Settings {
    fn from(spec: &ScheduleSpec) -> Self {
        Self {
            steps: spec.steps,
            lr: spec.lr,
            lr_schedule: spec.lr_schedule.clone(),
            warmup: spec.warmup,
            adamw: adamw([spec.beta1, spec.beta2], spec.weight_decay, spec.clip),
            ema: spec.ema,
            muon_lr: None,
            alive_at: 0,
        }
    }
}

impl From<&FlowSpec> for Settings {
    fn from(spec: &FlowSpec) -> Self {
        Self {
            steps: spec.steps,
            lr: spec.lr,
            lr_schedule: spec.lr_schedule.clone(),
            warmup: spec.warmup,
            adamw: adamw([spec.beta1, spec.beta2], spec.weight_decay, spec.clip),
            ema: spec.ema,
            muon_lr: (spec.optimiser == "muon").then_some(spec.muon_lr),
            alive_at: ZEROS_IN_A_ROW,
        }
    }
}

/// The optimiser of one set of parameters.
pub(super) struct Optimisation {
    adamw: AdamW,
    /// With its learning rate over AdamW's.
    muon: Option<(Muon, f64)>,
    ema: Option<Ema>,
    lr: LearningRate,
    alive_at: u64,
}

impl Optimisation {
    /// Before the first step. `code` holds the closure of the learning rate, if there is one.
    pub(super) fn new(
        params: &Params,
        settings: &Settings,
        code: &BTreeMap<String, String>,
    ) -> Result<Self, StageError> {
        let muon = settings.muon_lr.map(|lr| {
            let config =
                MuonConfig { weight_decay: settings.adamw.weight_decay, ..MuonConfig::default() };
            Ok((Muon::new(params, config, is_inner)?, lr / settings.lr))
        });
        let muon: Option<(Muon, f64)> = muon.transpose().map_err(tensor_error)?;
        let others = muon.as_ref().map(|(muon, _)| muon.names()).unwrap_or_default();
        let adamw = AdamW::except(params, settings.adamw.clone(), &others).map_err(model_error)?;
        let ema = (settings.ema > 0.0).then(|| Ema::new(params, settings.ema)).transpose();
        let lr = LearningRate::new(settings, code)?;
        Ok(Self { adamw, muon, ema: ema.map_err(model_error)?, lr, alive_at: settings.alive_at })
    }

    /// Moves the parameters after `step` (from 0): clips, steps, and says at which learning rate.
    pub(super) fn step(
        &mut self,
        params: &Params,
        gradients: &Gradients,
        step: u64,
    ) -> Result<(StepReport, f64), StageError> {
        if step == self.alive_at {
            check_alive(params, gradients)?;
        }
        let lr = self.lr.at(step)?;
        let report = self.adamw.step(params, gradients, lr).map_err(model_error)?;
        if let Some((muon, factor)) = &mut self.muon {
            muon.step(params, gradients, lr * *factor).map_err(tensor_error)?;
        }
        Ok((report, lr))
    }

    /// Moves the weight average. Called after whatever else changes the parameters in a step.
    pub(super) fn average(&mut self, params: &Params, step: u64) -> Result<(), StageError> {
        match &mut self.ema {
            Some(ema) => ema.update(params, step).map_err(model_error),
            None => Ok(()),
        }
    }

    /// Weights, moments and average, for a checkpoint.
    pub(super) fn state(&self, params: &Params) -> Result<State, StageError> {
        let mut state = prefixed("weights/", params.to_map().map_err(model_error)?);
        let moments = self.adamw.to_map(params).map_err(model_error)?;
        state.extend(prefixed("optimiser/", moments));
        if let Some((muon, _)) = &self.muon {
            state.extend(prefixed("optimiser/", muon.to_map().map_err(tensor_error)?));
        }
        if let Some(ema) = &self.ema {
            state.extend(prefixed("ema/", ema.to_map().map_err(model_error)?));
        }
        Ok(state)
    }

    /// Goes back to such a state.
    pub(super) fn restore(&mut self, params: &Params, state: &State) -> Result<(), StageError> {
        params.load(&without_prefix("weights/", state)).map_err(model_error)?;
        let (momenta, moments) = without_prefix("optimiser/", state)
            .into_iter()
            .partition(|(name, _)| name.starts_with("muon."));
        self.adamw.load(params, &moments).map_err(model_error)?;
        if let Some((muon, _)) = &mut self.muon {
            muon.load(&momenta).map_err(model_error)?;
        }
        if let Some(ema) = &mut self.ema {
            ema.load(&without_prefix("ema/", state)).map_err(model_error)?;
        }
        Ok(())
    }

    /// What the training returns: the average if there is one, else the last weights.
    pub(super) fn weights(&self, params: &Params) -> Result<State, StageError> {
        match &self.ema {
            Some(ema) => ema.to_map(),
            None => params.to_map(),
        }
        .map_err(model_error)
    }
}

/// The matrices inside the blocks, of a generator's base and VACE and of an evaluator's tower: Muon
/// is not for embeddings and heads.
fn is_inner(param: &Param) -> bool {
    let inside = ["blocks.", "vace_blocks.", "tower.blocks."]
        .iter()
        .any(|place| param.name().starts_with(place));
    inside && param.name().ends_with(".weight")
}

/// candle cuts gradients without a word in several of its ops, so an early step asks.
fn check_alive(params: &Params, gradients: &Gradients) -> Result<(), StageError> {
    let dead = dead_parameters(params, gradients).map_err(tensor_error)?;
    let dead: Vec<String> = dead.iter().map(|name| format!("`{name}`")).collect();
    if dead.is_empty() {
        return Ok(());
    }
    Err(StageError::Failed(format!(
        "no gradient reaches {}; a custom pooling, normaliser or loss that does not depend on \
         its input cuts it",
        dead.join(", ")
    )))
}
