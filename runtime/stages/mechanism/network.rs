//! A base's network rebuilt for a mechanism, and what of it is trained.

use std::collections::BTreeMap;

use candle_core::{Result as TensorResult, Tensor};
use ffrun_models::{
    baselines::{Identity, Method, starting_weights},
    codec::LatentCodec,
    flow::NoisySample,
    params::{Param, Params},
    wan::Wan,
};

use super::encoders::Encoders;
use crate::{
    engine::{stage::Stage, work::StageError},
    spec::MechanismSpec,
    stages::{generator::Generator, model_error, tensor_error},
};

/// A mechanism on a base, in place of the base's own network.
pub(in crate::stages) struct Conditioned {
    /// Network and modules.
    pub(in crate::stages) method: Method,
    /// What is trained: of the transformer, and of what the mechanism adds to it.
    pub(in crate::stages) params: Params,
    /// What it sees pictures through.
    pub(in crate::stages) encoders: Option<Encoders>,
}

/// What a network is built from, beside its base.
#[derive(Clone, Copy)]
pub(in crate::stages) struct Plan<'a> {
    pub(in crate::stages) spec: &'a MechanismSpec,
    /// The stage that asks.
    pub(in crate::stages) stage: &'a Stage,
    /// Frames of a clip.
    pub(in crate::stages) frames: usize,
    /// Seed of what starts at random.
    pub(in crate::stages) seed: u64,
}

impl Conditioned {
    /// As it starts: the base's weights where the base has them. What the base held is let go.
    pub(in crate::stages) fn new(plan: Plan, base: &mut Generator) -> Result<Self, StageError> {
        let device = base.params.device().clone();
        let network = Params::partly_frozen(&device, &plan.spec.trains);
        let (method, sets) = build(plan, base, (network, Params::new(&device)))?;
        let trained = |param: &Param| param.is_trained() && !method.is_idle(param.name());
        let params = Params::gathered(&[&sets.0, &sets.1], &trained).map_err(model_error)?;
        let encoders = Encoders::of(&plan.spec.mechanism, plan.stage, &device)?;
        base.params = sets.0;
        Ok(Self { method, params, encoders })
    }

    /// As a tuning left it, without any graph.
    pub(in crate::stages) fn tuned(
        plan: Plan,
        base: &mut Generator,
        weights: &BTreeMap<String, Tensor>,
    ) -> Result<Self, StageError> {
        let device = base.params.device().clone();
        let frozen = || Params::frozen(&device);
        let (method, sets) = build(plan, base, (frozen(), frozen()))?;
        let kept = |param: &Param| weights.contains_key(param.name());
        let params = Params::gathered(&[&sets.0, &sets.1], &kept).map_err(model_error)?;
        params.load(weights).map_err(model_error)?;
        let encoders = Encoders::of(&plan.spec.mechanism, plan.stage, &device)?;
        base.params = sets.0;
        Ok(Self { method, params, encoders })
    }

    /// The velocity of a batch whose identity is known.
    ///
    /// # Shapes
    /// - text: `[B, Lt, Dt]`; output: as the sample's latents
    pub(in crate::stages) fn velocity(
        &self,
        (sample, text): (&NoisySample, &Tensor),
        identity: &Identity,
    ) -> TensorResult<Tensor> {
        let pass = self.method.pass(text, identity, &sample.noisy)?;
        Ok(pass.velocities(&sample.noisy, &sample.timesteps, None)?.swap_remove(0))
    }
}

/// Network and modules with their parameters in `sets`.
fn build(
    plan: Plan,
    base: &mut Generator,
    mut sets: (Params, Params),
) -> Result<(Method, (Params, Params)), StageError> {
    let mechanism = &plan.spec.mechanism;
    let stride = frames_in_a_latent(plan.frames, base.codec.temporal(plan.frames));
    let config = mechanism.network(base.wan.config(), stride).map_err(model_error)?;
    let (network, own) = (&mut sets.0, &mut sets.1);
    let wan = Wan::new(&config, network, plan.seed).map_err(model_error)?;
    let held = base.params.iter();
    let held = held.map(|param| (param.name().to_owned(), param.var().as_detached_tensor()));
    let start = starting_weights(&held.collect(), network).map_err(tensor_error)?;
    network.load(&start).map_err(model_error)?;
    let method = Method::new(mechanism, (wan, network), own, plan.seed).map_err(model_error)?;
    base.wan = method.wan().clone();
    Ok((method, sets))
}

/// Frames that go into a latent one behind the first.
pub(crate) fn frames_in_a_latent(frames: usize, latent: usize) -> usize {
    if latent < 2 { 1 } else { (frames - 1) / (latent - 1) }
}
