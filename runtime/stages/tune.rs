//! The `tune` stage: LoRA and the projection of S, or what another mechanism trains, by flow matching
//! (L_FM) on a base, and the aligner that gives S by L_PIA on pairs of faces, one step of each at a
//! time (paper §3.2–3.3).

use std::time::Duration;

use candle_core::{Result as TensorResult, Tensor};
use ffrun_models::{
    checkpoint::encode, codec::LatentCodec, flow::FlowMatching, gradients::Gradients,
};

use super::{
    adapter_files,
    batches::{Batch, Material, Source, objective},
    checkpoint::State,
    control::of_aligner,
    curves::{self, Curves},
    device,
    generator::Generator,
    input,
    learner::Learner,
    model_error,
    optimisation::Optimisation,
    pretrain::{check_loss, is_logged, material},
    spec_of,
    stills::Stills,
    tensor_error,
    train::AlignerTraining,
    training::{Training, keep_curves, kept_curves, prefixed, run_to_end, without_prefix},
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    spec::{TrainSpec, TuneSpec},
};

/// Name of what was trained in a `tune` result: LoRA and the projection of S, or what a mechanism
/// trains; nothing of the base that stayed as it was.
pub(super) const ADAPTER: &str = "adapter.safetensors";
/// Name of the aligner in a `tune` result.
pub(super) const ALIGNER: &str = "aligner.safetensors";
/// Name of the spec in a `tune` result.
pub(super) const MODEL: &str = "stage.json";

/// What is logged of the generator: its loss, learning rate, gradient norm before clipping. The
/// aligner's own curves stand beside them.
const CURVES: &[&str] = &["flow_loss", "flow_lr", "flow_gradient_norm"];

/// Tunes, from the newest checkpoint if there is one.
pub(super) fn run(
    stage: &Stage,
    work: &Work<'_>,
    checkpoint_every: Duration,
) -> Result<(), StageError> {
    let spec: TuneSpec = spec_of(stage)?;
    let stills = match spec.pairs {
        Some(_) => Some(Stills::read(input(work, "faces")?)?),
        None => None,
    };
    let mut tuning = Tuning::new(spec, stage, work, stills.as_ref())?;
    let device = tuning.material.device.clone();
    run_to_end(&mut tuning, work, &device, checkpoint_every)?;
    tuning.finish(stage, work)
}

struct Tuning<'a> {
    spec: TuneSpec,
    material: Material,
    learner: Learner,
    aligner: Option<AlignerTraining<'a>>,
    objective: FlowMatching,
    optimisation: Optimisation,
    curves: Curves,
    loss: f64,
    step: u64,
}

impl<'a> Tuning<'a> {
    fn new(
        spec: TuneSpec,
        stage: &Stage,
        work: &Work<'_>,
        stills: Option<&'a Stills>,
    ) -> Result<Self, StageError> {
        let device = device(&stage.class)?;
        let base = Generator::read(work, &device)?;
        let codec = (&base.codec as &dyn LatentCodec, base.position_channels);
        let material = material(work, ("clips", "texts"), codec, &device)?;
        let aligner = match (&spec.aligner, &spec.pairs, stills) {
            (Some(model), Some(schedule), Some(stills)) => {
                let train =
                    TrainSpec { model: model.clone(), schedule: schedule.clone(), seed: spec.seed };
                Some(AlignerTraining::new(train, stage, stills)?)
            }
            _ => None,
        };
        let frames = material.latents.frames();
        let learner = Learner::new((&spec, stage), base, frames, &device)?;
        let settings = (&spec.schedule).into();
        Ok(Self {
            objective: objective(&spec.schedule)?,
            optimisation: Optimisation::new(learner.params(), &settings, &stage.code)?,
            curves: Curves::new(CURVES),
            loss: f64::NAN,
            step: 0,
            material,
            learner,
            aligner,
            spec,
        })
    }

    /// L_FM of a batch, and its gradients for what is tuned and, when joint, for the aligner.
    fn gradients(&self) -> Result<(f64, Gradients, Option<Gradients>), StageError> {
        let source = Source { seed: self.spec.seed, purpose: "flow/tune", step: self.step };
        let batch = self.material.training(&self.spec.schedule, &self.objective, source);
        let batch = batch.map_err(tensor_error)?;
        let shared = self.shared(&batch, source).map_err(tensor_error)?;
        let loss = self.learner.loss((&batch, shared), &self.objective, &self.material)?;
        let taken = || -> TensorResult<_> {
            let mut store = loss.backward()?;
            let aligner = self.aligner.as_ref().filter(|_| self.spec.adapter.joint);
            let joint = aligner.map(|aligner| Gradients::take(&aligner.built.params, &mut store));
            let own = Gradients::take(self.learner.params(), &mut store);
            Ok((f64::from(loss.to_scalar::<f32>()?), own, joint))
        };
        taken().map_err(tensor_error)
    }

    /// S of the references of a batch, zero where it is dropped. Detached unless joint: each loss
    /// serves its own part (METHOD §5.2).
    fn shared(&self, batch: &Batch, source: Source) -> TensorResult<Option<Tensor>> {
        let device = &self.material.device;
        let Some(shared) = self.undropped(batch)? else { return Ok(None) };
        let mut stream = source.stream("shared_dropout");
        let kept: Vec<f32> = batch
            .told
            .iter()
            .map(|told| {
                let dropped = stream.chance(self.spec.adapter.shared_dropout as f32);
                if *told && !dropped { 1.0 } else { 0.0 }
            })
            .collect();
        let kept = Tensor::from_vec(kept, (batch.told.len(), 1), device)?;
        Ok(Some(shared.broadcast_mul(&kept)?))
    }

    /// S of the references of a batch, or what stands in its place. A control has no loss of its
    /// own, so L_FM trains what there is to train in it.
    fn undropped(&self, batch: &Batch) -> TensorResult<Option<Tensor>> {
        if self.aligner.is_none() && self.learner.control.is_none() {
            return Ok(None);
        }
        let references = self.material.latents.of_people(&batch.clips, &self.material.device)?;
        if let Some(control) = &self.learner.control {
            return control.vectors(&references).map(Some);
        }
        let Some(aligner) = &self.aligner else { return Ok(None) };
        let shared = of_aligner(&aligner.built.aligner, &references, self.step)?;
        Ok(Some(if self.spec.adapter.joint { shared } else { shared.detach() }))
    }

    fn finish(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        let weights = self.optimisation.weights(self.learner.params())?;
        let bytes = encode(&weights).map_err(model_error)?;
        files::write_atomic(&work.out.join(ADAPTER), &bytes)?;
        if self.learner.base.own.is_none() && self.learner.is_portable() {
            adapter_files::write(&work.out, &weights, &self.spec.adapter)?;
        }
        if let Some(aligner) = &self.aligner {
            files::write_atomic(&work.out.join(ALIGNER), &aligner.weights()?)?;
        }
        let model = serde_json::to_vec_pretty(stage).unwrap_or_default();
        files::write_atomic(&work.out.join(MODEL), &model)?;
        Ok(files::write_atomic(&work.out.join(curves::FILE), self.curves().as_bytes())?)
    }
}

impl Training for Tuning<'_> {
    fn done(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.spec.schedule.steps
    }

    fn one_step(&mut self) -> Result<(), StageError> {
        let (loss, gradients, joint) = self.gradients()?;
        check_loss(loss, self.step)?;
        let params = self.learner.params();
        let (report, lr) = self.optimisation.step(params, &gradients, self.step)?;
        self.optimisation.average(params, self.step)?;
        if let Some(aligner) = &mut self.aligner {
            aligner.step_with(joint)?;
        }
        self.loss = loss;
        self.step += 1;
        if is_logged(self.step, &self.spec.schedule) {
            self.curves.push(self.step, &[loss, lr, report.gradient_norm]);
        }
        Ok(())
    }

    fn note(&self) -> String {
        match &self.aligner {
            Some(aligner) => format!("flow loss {:.3}, {}", self.loss, aligner.note()),
            None => format!("flow loss {:.3}", self.loss),
        }
    }

    fn curves(&self) -> String {
        let mut curves = self.curves.to_csv();
        if let Some(aligner) = &self.aligner {
            curves.push_str(&aligner.curves.rows());
        }
        curves
    }

    fn state(&self) -> Result<State, StageError> {
        let mut state = self.optimisation.state(self.learner.params())?;
        keep_curves(&self.curves, &mut state)?;
        if let Some(aligner) = &self.aligner {
            state.extend(prefixed("aligner/", aligner.state()?));
        }
        Ok(state)
    }

    fn restore(&mut self, step: u64, state: &State) -> Result<(), StageError> {
        self.optimisation.restore(self.learner.params(), state)?;
        self.curves = kept_curves(CURVES, state)?;
        if let Some(aligner) = &mut self.aligner {
            aligner.restore(step, &without_prefix("aligner/", state))?;
        }
        self.step = step;
        Ok(())
    }
}
