//! The `tune` stage: LoRA and the projection of S by flow matching (L_FM) on a frozen base, and the
//! aligner that gives S by L_PIA on pairs of faces, one step of each at a time (paper §3.2–3.3).

use std::{path::Path, time::Duration};

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    checkpoint::{decode, encode},
    codec::LatentCodec,
    flow::FlowMatching,
    gradients::Gradients,
    params::Params,
    wan::{VaceInput, WanInput},
};

use super::{
    adapter::Adapter,
    adapter_files,
    batches::{Batch, Material, Source, objective},
    build::{Built, build},
    checkpoint::State,
    curves::{self, Curves},
    device,
    generator::Generator,
    input, model_error,
    optimisation::Optimisation,
    pretrain::{check_loss, is_logged, material},
    spec_of,
    stills::{Stills, missing},
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

/// Name of the adapters in a `tune` result: LoRA and the projection of S, nothing of the base.
const ADAPTER: &str = "adapter.safetensors";
/// Name of the aligner in a `tune` result.
const ALIGNER: &str = "aligner.safetensors";
/// Name of the spec in a `tune` result.
const MODEL: &str = "stage.json";

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
    base: Generator,
    adapter: Adapter,
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
                check_pictures(model.image_px, material.latents.picture_px())?;
                let train =
                    TrainSpec { model: model.clone(), schedule: schedule.clone(), seed: spec.seed };
                Some(AlignerTraining::new(train, stage, stills)?)
            }
            _ => None,
        };
        let width = spec.aligner.as_ref().map(|aligner| aligner.width);
        let adapter = Adapter::new(&spec.adapter, &base, width, Params::new(&device), spec.seed)?;
        Ok(Self {
            objective: objective(&spec.schedule)?,
            optimisation: Optimisation::new(
                &adapter.params,
                &(&spec.schedule).into(),
                &stage.code,
            )?,
            curves: Curves::new(CURVES),
            loss: f64::NAN,
            step: 0,
            material,
            base,
            adapter,
            aligner,
            spec,
        })
    }

    /// L_FM of a batch, and its gradients for the adapters and, when joint, for the aligner.
    fn gradients(&self) -> TensorResult<(f64, Gradients, Option<Gradients>)> {
        let source = Source { seed: self.spec.seed, purpose: "flow/tune", step: self.step };
        let batch = self.material.training(&self.spec.schedule, &self.objective, source)?;
        let shared = self.shared(&batch, source)?;
        let velocity = self.base.wan.forward(&WanInput {
            vace: Some(VaceInput { context: &batch.control, scales: None }),
            lora: self.adapter.lora.as_ref(),
            shared: self.adapter.shared(shared.as_ref()),
            ..WanInput::new(&batch.sample.noisy, &batch.sample.timesteps, &batch.text)
        })?;
        let frames = velocity.dim(2)?;
        let loss = self.objective.loss(&velocity, &batch.sample, 1..frames)?;
        let mut store = loss.backward()?;
        let aligner = self.aligner.as_ref().filter(|_| self.spec.adapter.joint);
        let joint = aligner.map(|aligner| Gradients::take(&aligner.built.params, &mut store));
        let own = Gradients::take(&self.adapter.params, &mut store);
        Ok((f64::from(loss.to_scalar::<f32>()?), own, joint))
    }

    /// S of the references of a batch, zero where it is dropped. Detached unless joint: each loss
    /// serves its own part (METHOD §5.2).
    fn shared(&self, batch: &Batch, source: Source) -> TensorResult<Option<Tensor>> {
        let Some(aligner) = &self.aligner else { return Ok(None) };
        let device = &self.material.device;
        let pictures = self.material.latents.pictures(&batch.clips, device)?;
        let eulers = self.material.latents.eulers(&batch.clips, device)?;
        let output = aligner.built.aligner.forward(&pictures, &eulers, self.step)?;
        let shared = aligner.built.aligner.normalized(&output.shared_bd)?;
        let shared = if self.spec.adapter.joint { shared } else { shared.detach() };
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

    fn finish(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        let weights = self.optimisation.weights(&self.adapter.params)?;
        let bytes = encode(&weights).map_err(model_error)?;
        files::write_atomic(&work.out.join(ADAPTER), &bytes)?;
        if self.base.own.is_none() {
            adapter_files::write(&work.out, &weights, &self.spec.adapter)?;
        }
        let mut curves = self.curves.to_csv();
        if let Some(aligner) = &self.aligner {
            files::write_atomic(&work.out.join(ALIGNER), &aligner.weights()?)?;
            curves.push_str(&aligner.curves.rows());
        }
        let model = serde_json::to_vec_pretty(stage).unwrap_or_default();
        files::write_atomic(&work.out.join(MODEL), &model)?;
        Ok(files::write_atomic(&work.out.join(curves::FILE), curves.as_bytes())?)
    }
}

fn check_pictures(aligner_px: usize, reference_px: usize) -> Result<(), StageError> {
    if aligner_px == reference_px {
        return Ok(());
    }
    Err(StageError::Failed(format!(
        "the references are {reference_px} px wide, but the aligner reads {aligner_px} px; give \
         `size_px` of the clips and `image_px` of the aligner the same value"
    )))
}

impl Training for Tuning<'_> {
    fn done(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.spec.schedule.steps
    }

    fn one_step(&mut self) -> Result<(), StageError> {
        let (loss, gradients, joint) = self.gradients().map_err(tensor_error)?;
        check_loss(loss, self.step)?;
        let params = &self.adapter.params;
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

    fn state(&self) -> Result<State, StageError> {
        let mut state = self.optimisation.state(&self.adapter.params)?;
        keep_curves(&self.curves, &mut state)?;
        if let Some(aligner) = &self.aligner {
            state.extend(prefixed("aligner/", aligner.state()?));
        }
        Ok(state)
    }

    fn restore(&mut self, step: u64, state: &State) -> Result<(), StageError> {
        self.optimisation.restore(&self.adapter.params, state)?;
        self.curves = kept_curves(CURVES, state)?;
        if let Some(aligner) = &mut self.aligner {
            aligner.restore(step, &without_prefix("aligner/", state))?;
        }
        self.step = step;
        Ok(())
    }
}

/// A tuned generator read back: what it adds to its base.
pub(super) struct Tuned {
    pub(super) adapter: Adapter,
    aligner: Option<Built>,
    /// Steps it was tuned for: they set the aligner's temperature.
    steps: u64,
}

impl Tuned {
    /// Reads a `tune` result for the base it was tuned on.
    pub(super) fn read(
        folder: &Path,
        base: &Generator,
        device: &Device,
    ) -> Result<Self, StageError> {
        let file = |name: &str| -> Result<Vec<u8>, StageError> {
            let path = folder.join(name);
            files::read_optional(&path)?.ok_or_else(|| missing(&path))
        };
        let stage: Stage = serde_json::from_slice(&file(MODEL)?).map_err(|error| {
            StageError::Failed(format!("`{MODEL}` of a tuning cannot be read: {error}"))
        })?;
        let spec: TuneSpec = spec_of(&stage)?;
        let width = spec.aligner.as_ref().map(|aligner| aligner.width);
        let params = Params::frozen(device);
        let adapter = Adapter::new(&spec.adapter, base, width, params, spec.seed)?;
        let weights = decode(&file(ADAPTER)?, device).map_err(model_error)?;
        adapter.params.load(&weights).map_err(model_error)?;
        let aligner = match (&spec.aligner, &spec.pairs) {
            (Some(model), Some(schedule)) => {
                let start = (spec.seed, schedule.logit_scale);
                let built = build(model, &stage.code, Params::frozen(device), start)?;
                let weights = decode(&file(ALIGNER)?, device).map_err(model_error)?;
                built.params.load(&weights).map_err(model_error)?;
                Some(built)
            }
            _ => None,
        };
        Ok(Self { adapter, aligner, steps: spec.schedule.steps })
    }

    /// S of reference pictures at these angles; none without an aligner.
    ///
    /// # Shapes
    /// - pictures: `[B, 3, S, S]` in [−1, 1]; eulers: `[B, 3]`, radians
    /// - output: `[B, D]`
    pub(super) fn shared(
        &self,
        pictures: &Tensor,
        eulers: &Tensor,
    ) -> TensorResult<Option<Tensor>> {
        let Some(built) = &self.aligner else { return Ok(None) };
        let output = built.aligner.forward(pictures, eulers, self.steps)?;
        built.aligner.normalized(&output.shared_bd).map(Some)
    }
}
