//! The `generate` stage: clips sampled for references and captions, from noise that every setting
//! of an experiment shares.

use std::sync::atomic::Ordering;

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    codec::LatentCodec,
    flow::{Guidance, Pass, Sampler, SamplerSettings, SolverKind},
    params::Params,
    stream::Stream,
    text::TextEncoder,
    wan::{VaceInput, WanInput},
};

use super::{
    base::Base,
    clipset::{self, ClipLabel, Clips},
    conditioning::Conditioning,
    device, input, model_error, picture, spec_of, tensor_error, texts,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::{GenerateSpec, SamplerSpec},
};

/// Clips sampled side by side.
const BATCH: usize = 12;

/// Clips on the contact sheet: reference, what was filmed, what was sampled.
const SHEET: usize = 12;

/// Samples and writes clips and a contact sheet.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: GenerateSpec = spec_of(stage)?;
    let device = device(&stage.class)?;
    let asked = Clips::read(input(work, "clips")?)?;
    let base = Base::read(input(work, "base")?, Params::frozen(&device))?;
    let generator = Generating::new(base, &spec, &device)?;
    let mut made = Clips { pixels: Vec::new(), references: Vec::new(), ..asked.clone() };
    let all: Vec<usize> = (0..asked.len()).collect();
    for some in all.chunks(BATCH) {
        made.pixels.extend(generator.clips(&asked, some)?);
        let (done, total) = (some.last().map_or(0, |last| last + 1), asked.len());
        let note = "clips sampled".to_owned();
        (work.progress)(Progress { done: done as u64, total: total as u64, note });
        if work.stop.load(Ordering::SeqCst) && done < total {
            return Err(StageError::Interrupted);
        }
    }
    made.write(&work.out.join(clipset::FILE))?;
    let sheet = picture::grid(&rows(&asked, &made), asked.size_px)?;
    Ok(files::write_atomic(&work.out.join("sheet.png"), &sheet)?)
}

/// Reference, ground truth and sample of the first clips, spread over people and families.
fn rows<'a>(asked: &'a Clips, made: &'a Clips) -> Vec<Vec<&'a [u8]>> {
    let step = (asked.len() / SHEET).max(1);
    // A step that shares no factor with the families of a person walks through all of them.
    let step = if step > 1 && step.is_multiple_of(2) { step - 1 } else { step };
    let chosen = (0..asked.len()).step_by(step).take(SHEET);
    chosen
        .map(|clip| {
            let filmed = (0..asked.frames).map(|frame| asked.frame(clip, frame));
            let sampled = (0..made.frames).map(|frame| made.frame(clip, frame));
            std::iter::once(asked.reference(clip)).chain(filmed).chain(sampled).collect()
        })
        .collect()
}

/// A generator ready to sample.
struct Generating {
    base: Base,
    conditioning: Conditioning,
    encoder: Box<dyn TextEncoder>,
    sampler: SamplerSettings,
    spec: SamplerSpec,
    device: Device,
}

impl Generating {
    fn new(base: Base, spec: &GenerateSpec, device: &Device) -> Result<Self, StageError> {
        let solver = SolverKind::named(&spec.sampler.method).map_err(model_error)?;
        let sampler = SamplerSettings::new(solver, spec.sampler.steps, spec.sampler.shift);
        let conditioning = Conditioning::new(&base.codec, &base.spec, device);
        Ok(Self {
            conditioning: conditioning.map_err(tensor_error)?,
            encoder: texts::encoder(&base.spec.text, device)?,
            base,
            sampler,
            spec: spec.sampler.clone(),
            device: device.clone(),
        })
    }

    /// The frames of some clips as bytes, clip by clip.
    fn clips(&self, asked: &Clips, some: &[usize]) -> Result<Vec<u8>, StageError> {
        let labels: Vec<&ClipLabel> = some.iter().map(|&clip| &asked.labels[clip]).collect();
        let captions: Vec<&str> = labels.iter().map(|label| label.caption.as_str()).collect();
        let told = self.text(&captions)?;
        let untold = self.text(&vec![""; captions.len()])?;
        let latent = self.sample(asked, some, [&told, &untold])?;
        let frames = || -> TensorResult<Vec<u8>> {
            // The reference's own frame is no part of the clip.
            let video = latent.narrow(2, 1, latent.dim(2)? - 1)?;
            bytes(&self.base.codec.decode(&video.to_device(&Device::Cpu)?)?)
        };
        frames().map_err(tensor_error)
    }

    /// `[B, length, dim]`
    fn text(&self, captions: &[&str]) -> Result<Tensor, StageError> {
        let spec = &self.base.spec.text;
        let rows: Result<Vec<Tensor>, StageError> = captions
            .iter()
            .map(|caption| {
                texts::padded(self.encoder.as_ref(), spec, caption).map(|(rows, _)| rows)
            })
            .collect();
        Tensor::stack(&rows?, 0).map_err(tensor_error)
    }

    fn sample(
        &self,
        asked: &Clips,
        some: &[usize],
        [told, untold]: [&Tensor; 2],
    ) -> Result<Tensor, StageError> {
        let mut sampler = Sampler::new(&self.sampler).map_err(model_error)?;
        let guidance = Guidance::classifier_free(self.spec.guidance);
        let mut run = || -> TensorResult<Tensor> {
            let pictures = asked.reference_images(some, &Device::Cpu)?.unsqueeze(2)?;
            let references = self.base.codec.encode(&pictures)?.to_device(&self.device)?;
            let control = self.conditioning.control(&references, asked.frames)?;
            let mut latent = self.noise(asked, some, &references)?;
            while let Some(timestep) = sampler.timestep() {
                let t = Tensor::full(timestep as f32, some.len(), &self.device)?;
                let pass = |pass: &Pass| {
                    let text = if pass.condition == "positive" { told } else { untold };
                    self.velocity(&latent, (&t, &control), text)
                };
                let velocities: Vec<Tensor> =
                    guidance.passes().iter().map(pass).collect::<TensorResult<_>>()?;
                latent = sampler.step(&guidance.combine(&velocities)?, &latent)?;
            }
            Ok(latent)
        };
        run().map_err(tensor_error)
    }

    fn velocity(
        &self,
        latent: &Tensor,
        (t, control): (&Tensor, &Tensor),
        text: &Tensor,
    ) -> TensorResult<Tensor> {
        let scales = Tensor::full(
            self.spec.vace_scale as f32,
            self.base.spec.generator.vace_blocks.len(),
            &self.device,
        )?;
        let vace = Some(VaceInput { context: control, scales: Some(&scales) });
        self.base.wan.forward(&WanInput { vace, ..WanInput::new(latent, t, text) })
    }

    /// Noise that depends on the seed, the person and the prompt alone.
    fn noise(&self, asked: &Clips, some: &[usize], references: &Tensor) -> TensorResult<Tensor> {
        let (_, c, _, h, w) = references.dims5()?;
        let draws: TensorResult<Vec<Tensor>> = some
            .iter()
            .map(|&clip| {
                let label = &asked.labels[clip];
                let purpose = format!("generate/{}/{}", label.identity, label.caption);
                let shape = (c, 1 + asked.frames, h, w);
                Stream::new(self.spec.seed, &purpose, 0).normal_tensor(shape, 1.0, &self.device)
            })
            .collect();
        Tensor::stack(&draws?, 0)
    }
}

/// Bytes of videos in [−1, 1], clip by clip, frame by frame.
///
/// # Shapes
/// - video: `[B, 3, T, H, W]`
fn bytes(video: &Tensor) -> TensorResult<Vec<u8>> {
    let pixels = ((video + 1.0)? * 127.5)?.round()?.clamp(0f32, 255f32)?;
    let pixels: Vec<f32> = pixels.permute([0, 2, 3, 4, 1])?.flatten_all()?.to_vec1()?;
    Ok(pixels.into_iter().map(|value| value as u8).collect())
}
