//! The `pretrain` stage: a micro Wan-VACE learns the embedded world by flow matching.

use std::time::Duration;

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    codec::LatentCodec,
    flow::FlowMatching,
    gradients::Gradients,
    params::Params,
    wan::{VaceInput, Wan, WanInput},
};

use super::{
    base::{self, Base},
    batches::{Batch, Material, Source, objective},
    checkpoint::State,
    codec,
    codec_on::CodecOn,
    conditioning::Conditioning,
    curves::{self, Curves},
    device, input,
    latentset::Latents,
    optimisation::Optimisation,
    spec_of, tensor_error,
    texts::Texts,
    training::{Training, keep_curves, kept_curves, run_to_end},
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    spec::{FlowSpec, PretrainSpec},
};

/// What is logged: the loss of the batch, learning rate, gradient norm before clipping, and the
/// loss on the validation clips.
const CURVES: &[&str] = &["flow_loss", "lr", "gradient_norm", "validation_loss"];

/// Noise levels at which every validation clip is looked at, evenly spread before the shift.
const VALIDATION_LEVELS: usize = 4;

/// Clips of a validation batch.
const VALIDATION_BATCH: usize = 16;

/// Trains, from the newest checkpoint if there is one.
pub(super) fn run(
    stage: &Stage,
    work: &Work<'_>,
    checkpoint_every: Duration,
) -> Result<(), StageError> {
    let mut training = Pretraining::new(stage, work)?;
    let device = training.material.device.clone();
    run_to_end(&mut training, work, &device, checkpoint_every)?;
    let weights = training.optimisation.weights(&training.base.params)?;
    let bytes = training.base.encode(weights)?;
    files::write_atomic(&work.out.join(base::FILE), &bytes)?;
    training.curves.write(&work.out.join(curves::FILE))
}

struct Pretraining {
    spec: PretrainSpec,
    material: Material,
    validation: Option<Material>,
    base: Base,
    objective: FlowMatching,
    optimisation: Optimisation,
    curves: Curves,
    loss: f64,
    step: u64,
}

impl Pretraining {
    fn new(stage: &Stage, work: &Work<'_>) -> Result<Self, StageError> {
        let spec: PretrainSpec = spec_of(stage)?;
        let device = device(&stage.class)?;
        let params = Params::new(&device);
        let base = if let Some(earlier) = work.inputs.get("from") {
            Base::read(earlier, params)?
        } else {
            let codec = codec::read(input(work, "codec")?)?;
            Base::new(spec.base.clone(), codec, params, spec.seed)?
        };
        if base.spec != spec.base {
            return Err(StageError::Failed(
                "the base to go on from is another generator; give it the same settings".into(),
            ));
        }
        // A fitted codec is read to the CPU, a whole base to where it is trained.
        let fitted = !work.inputs.contains_key("from");
        let place = if fitted { &Device::Cpu } else { &device };
        let codec = CodecOn::new(Box::new(base.codec.clone()), place);
        let with_positions = spec.base.generator.position_channels;
        let material = |clips: &str, texts: &str| {
            material(work, (clips, texts), (&codec, with_positions), &device)
        };
        let validation = work.inputs.contains_key("validation");
        Ok(Self {
            material: material("clips", "texts")?,
            validation: validation
                .then(|| material("validation", "validation_texts"))
                .transpose()?,
            objective: objective(&spec.schedule)?,
            optimisation: Optimisation::new(&base.params, &(&spec.schedule).into(), &stage.code)?,
            curves: Curves::new(CURVES),
            loss: f64::NAN,
            step: 0,
            spec,
            base,
        })
    }

    /// The mean loss over all validation clips at fixed noise: a number that only the weights
    /// change.
    fn validation_loss(&self) -> Result<f64, StageError> {
        let schedule = &self.spec.schedule;
        let due = schedule.validate_every > 0
            && (self.step.is_multiple_of(schedule.validate_every) || self.step == schedule.steps);
        let Some(material) = self.validation.as_ref().filter(|_| due) else { return Ok(f64::NAN) };
        self.look(material).map_err(tensor_error)
    }

    fn look(&self, material: &Material) -> TensorResult<f64> {
        let clips: Vec<usize> = (0..material.latents.len()).collect();
        let (mut sum, mut count) = (0.0, 0);
        for level in 0..VALIDATION_LEVELS {
            let sigma = (level as f64 + 0.5) / VALIDATION_LEVELS as f64;
            let sigma = ffrun_models::flow::shifted(sigma, self.spec.schedule.shift);
            for (at, some) in clips.chunks(VALIDATION_BATCH).enumerate() {
                let all = vec![true; some.len()];
                let step = (level * clips.len() + at) as u64;
                let source = Source { seed: 0, purpose: "flow/validation", step };
                let sigmas = vec![sigma; some.len()];
                let batch = material.batch(some.to_vec(), &sigmas, (all.clone(), all), source)?;
                let velocity = velocity(&self.base.wan, &batch)?;
                let error = (velocity.detach() - &batch.sample.target)?;
                let video = error.narrow(2, 1, error.dim(2)? - 1)?;
                let mean = video.sqr()?.mean_all()?.to_scalar::<f32>()?;
                sum += f64::from(mean) * some.len() as f64;
                count += some.len();
            }
        }
        Ok(sum / f64::from(count.max(1) as u32))
    }

    fn gradients(&self) -> TensorResult<(f64, Gradients)> {
        let source = Source { seed: self.spec.seed, purpose: "flow/train", step: self.step };
        let batch = self.material.training(&self.spec.schedule, &self.objective, source)?;
        let velocity = velocity(&self.base.wan, &batch)?;
        let frames = velocity.dim(2)?;
        let loss = self.objective.loss(&velocity, &batch.sample, 1..frames)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        Ok((value, Gradients::take(&self.base.params, &mut loss.backward()?)))
    }
}

/// The velocity that the network sees in a batch.
fn velocity(wan: &Wan, batch: &Batch) -> TensorResult<Tensor> {
    let vace = Some(VaceInput { context: &batch.control, scales: None });
    let sample = &batch.sample;
    wan.forward(&WanInput { vace, ..WanInput::new(&sample.noisy, &sample.timesteps, &batch.text) })
}

/// Clips with their captions, as a base reads them.
pub(super) fn material(
    work: &Work<'_>,
    (clips, texts): (&str, &str),
    (codec, position_channels): (&dyn LatentCodec, bool),
    device: &Device,
) -> Result<Material, StageError> {
    let latents = Latents::read(input(work, clips)?)?;
    if latents.is_empty() {
        return Err(StageError::Failed("there is no clip to train on".to_owned()));
    }
    let size = [latents.frames(), latents.picture_px()];
    let conditioning = Conditioning::new(codec, size, position_channels, device);
    Ok(Material {
        latents,
        texts: Texts::read(input(work, texts)?)?,
        conditioning: conditioning.map_err(tensor_error)?,
        device: device.clone(),
    })
}

/// Refuses to go on with a loss that is no number.
pub(super) fn check_loss(loss: f64, step: u64) -> Result<(), StageError> {
    if loss.is_finite() {
        return Ok(());
    }
    Err(StageError::Failed(format!(
        "the loss is {loss} at step {}; lower `lr`, or clip gradients with `clip`",
        step + 1
    )))
}

/// Whether a step is a point of the curves.
pub(super) fn is_logged(step: u64, schedule: &FlowSpec) -> bool {
    step == 1 || step.is_multiple_of(schedule.log_every) || step == schedule.steps
}

impl Training for Pretraining {
    fn done(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.spec.schedule.steps
    }

    fn one_step(&mut self) -> Result<(), StageError> {
        let (loss, gradients) = self.gradients().map_err(tensor_error)?;
        check_loss(loss, self.step)?;
        let (report, lr) = self.optimisation.step(&self.base.params, &gradients, self.step)?;
        self.optimisation.average(&self.base.params, self.step)?;
        self.loss = loss;
        self.step += 1;
        let validation = self.validation_loss()?;
        if is_logged(self.step, &self.spec.schedule) || !validation.is_nan() {
            self.curves.push(self.step, &[loss, lr, report.gradient_norm, validation]);
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
        let mut state = self.optimisation.state(&self.base.params)?;
        keep_curves(&self.curves, &mut state)?;
        Ok(state)
    }

    fn restore(&mut self, step: u64, state: &State) -> Result<(), StageError> {
        self.optimisation.restore(&self.base.params, state)?;
        self.curves = kept_curves(CURVES, state)?;
        self.step = step;
        Ok(())
    }
}
