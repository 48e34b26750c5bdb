//! What a tuning trains on a base: adapters beside VACE's branch, or the network of a mechanism.

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    flow::{FlowMatching, NoisySample},
    params::Params,
    wan::{VaceInput, WanInput},
};

use super::{
    adapter::Adapter,
    batches::{Batch, Material},
    control::{Control, shared_width},
    generator::Generator,
    mechanism::{Conditioned, Person, Plan, Scene},
    tensor_error,
};
use crate::{
    engine::{stage::Stage, work::StageError},
    spec::TuneSpec,
};

/// A base with what is trained of it.
pub(super) struct Learner {
    pub(super) base: Generator,
    /// What stands in the place of S, with its parameters among those that are trained.
    pub(super) control: Option<Control>,
    way: Way,
}

enum Way {
    Vace(Adapter),
    Mechanism(Box<Conditioned>),
}

impl Learner {
    /// Before the first step, for clips of `frames` frames.
    pub(super) fn new(
        (spec, stage): (&TuneSpec, &Stage),
        mut base: Generator,
        frames: usize,
        device: &Device,
    ) -> Result<Self, StageError> {
        let mut params = Params::new(device);
        let control = Control::of(spec, stage, &mut params)?;
        let way = if let Some(mechanism) = &spec.mechanism {
            let plan = Plan { spec: mechanism, stage, frames, seed: spec.seed };
            Way::Mechanism(Box::new(Conditioned::new(plan, &mut base)?))
        } else {
            let width = shared_width(spec, control.as_ref())?;
            Way::Vace(Adapter::new(&spec.adapter, &base, width, params, spec.seed)?)
        };
        Ok(Self { base, control, way })
    }

    /// What is trained.
    pub(super) fn params(&self) -> &Params {
        match &self.way {
            Way::Vace(adapter) => &adapter.params,
            Way::Mechanism(conditioned) => &conditioned.params,
        }
    }

    /// Whether the adapters are LoRA beside an untouched base, which other programs can read.
    pub(super) fn is_portable(&self) -> bool {
        matches!(self.way, Way::Vace(_))
    }

    /// L_FM of a batch under S, `[B, D]`.
    pub(super) fn loss(
        &self,
        (batch, shared): (&Batch, Option<Tensor>),
        objective: &FlowMatching,
        material: &Material,
    ) -> Result<Tensor, StageError> {
        let Way::Mechanism(conditioned) = &self.way else {
            return self.loss_beside_vace((batch, shared), objective).map_err(tensor_error);
        };
        let (latents, device) = (&material.latents, &material.device);
        let pictures = latents.pictures(&batch.clips, device).map_err(tensor_error)?;
        let encoded = latents.references(&batch.clips, device).and_then(|it| it.unsqueeze(2));
        let encoded = encoded.map_err(tensor_error)?;
        let person = Person { pictures: &pictures, latents: &encoded, shared };
        let frames = latents.frames();
        let scene = Scene {
            codec: &self.base.codec,
            conditioning: &material.conditioning,
            frames: [frames, self.base.latent_frames(frames)],
        };
        let identity = conditioned.identity(scene, &person, &batch.told)?;
        let first = usize::from(conditioned.keeps_reference_frame());
        let loss = || -> TensorResult<Tensor> {
            let sample = from_frame(&batch.sample, 1 - first)?;
            let velocity = conditioned.velocity((&sample, &batch.text), &identity)?;
            objective.loss(&velocity, &sample, first..velocity.dim(2)?)
        };
        loss().map_err(tensor_error)
    }

    fn loss_beside_vace(
        &self,
        (batch, shared): (&Batch, Option<Tensor>),
        objective: &FlowMatching,
    ) -> TensorResult<Tensor> {
        let Way::Vace(adapter) = &self.way else {
            candle_core::bail!("a mechanism has no adapter beside VACE")
        };
        let velocity = self.base.wan.forward(&WanInput {
            vace: Some(VaceInput { context: &batch.control, scales: None }),
            lora: adapter.lora.as_ref(),
            shared: adapter.shared(shared.as_ref()),
            ..WanInput::new(&batch.sample.noisy, &batch.sample.timesteps, &batch.text)
        })?;
        let frames = velocity.dim(2)?;
        objective.loss(&velocity, &batch.sample, 1..frames)
    }
}

/// The same sample without its first frames: the noise of a clip is then the same with a
/// reference's frame in front and without.
fn from_frame(sample: &NoisySample, first: usize) -> TensorResult<NoisySample> {
    let cut = |latents: &Tensor| latents.narrow(2, first, latents.dim(2)? - first)?.contiguous();
    Ok(NoisySample {
        noisy: cut(&sample.noisy)?,
        target: cut(&sample.target)?,
        timesteps: sample.timesteps.clone(),
        sigmas: sample.sigmas.clone(),
    })
}
