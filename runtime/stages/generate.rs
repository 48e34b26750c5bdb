//! The `generate` stage: clips sampled for references and captions, from noise that every setting
//! of an experiment shares.

use std::{ops::ControlFlow, sync::atomic::Ordering};

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    baselines::Memory,
    codec::LatentCodec,
    flow::{self, Guidance, Pass, Sampler, SamplerSettings, SolverKind},
    stream::Stream,
    wan::{VaceInput, WanInput},
};

use super::{
    captions::Captions,
    clipset::{self, Clips},
    conditioning::Conditioning,
    control::References,
    device,
    generator::Generator,
    input,
    mechanism::{Conditioned, Person, Scene},
    model_error, sheets, spec_of, tensor_error,
    tuned::Tuned,
};
use crate::{
    engine::{
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::GenerateSpec,
};

/// Frames a second of Wan's own clips (METHOD of Wan: 81 frames are five seconds).
const WAN_FPS: f64 = 16.0;

/// Clips sampled side by side: one of a large network fills any device.
pub(super) fn batch(public: bool) -> usize {
    if public { 1 } else { 12 }
}

/// Names of the Euler angles, in the order of labels.
const ANGLES: [&str; 3] = ["pitch", "yaw", "roll"];

/// Samples and writes clips and a contact sheet.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: GenerateSpec = spec_of(stage)?;
    let device = device(&stage.class)?;
    let asked = Clips::read(input(work, "clips")?)?;
    let mut base = Generator::read(work, &device)?;
    let tuned = Tuned::of(work, &mut base, asked.frames, &device)?;
    let captions = Captions::read(work, &base, &device)?;
    let fps = spec.fps.or(base.own.as_ref().map(|(_, fps)| *fps)).unwrap_or(WAN_FPS);
    let batch = batch(base.own.is_none());
    let generator = Generating::new(base, tuned, (captions, &asked), spec, &device)?;
    let mut made = Clips { pixels: Vec::new(), references: Vec::new(), ..asked.clone() };
    let all: Vec<usize> = (0..asked.len()).collect();
    for some in all.chunks(batch) {
        made.pixels.extend(generator.clips(&asked, some)?);
        let (done, total) = (some.last().map_or(0, |last| last + 1), asked.len());
        let note = "clips sampled".to_owned();
        (work.progress)(Progress { done: done as u64, total: total as u64, note });
        if work.stop.load(Ordering::SeqCst) && done < total {
            return Err(StageError::Interrupted);
        }
    }
    made.write(&work.out.join(clipset::FILE))?;
    sheets::write(&work.out, &asked, &made, fps)
}

/// What one pass through the network is told.
struct Condition {
    control: Tensor,
    text: Tensor,
    shared: Option<Tensor>,
}

/// A generator ready to sample.
struct Generating {
    base: Generator,
    tuned: Option<Tuned>,
    conditioning: Conditioning,
    captions: Captions,
    /// Latent frames of a clip.
    frames: usize,
    sampler: SamplerSettings,
    spec: GenerateSpec,
    device: Device,
}

impl Generating {
    fn new(
        base: Generator,
        tuned: Option<Tuned>,
        (captions, asked): (Captions, &Clips),
        spec: GenerateSpec,
        device: &Device,
    ) -> Result<Self, StageError> {
        let solver = SolverKind::named(&spec.sampler.method).map_err(model_error)?;
        let sampler = SamplerSettings::new(solver, spec.sampler.steps, spec.sampler.shift);
        let size = [asked.frames, asked.size_px];
        let conditioning = Conditioning::new(&base.codec, size, base.position_channels, device);
        Ok(Self {
            conditioning: conditioning.map_err(tensor_error)?,
            captions,
            frames: base.latent_frames(asked.frames),
            base,
            tuned,
            sampler,
            spec,
            device: device.clone(),
        })
    }

    /// The frames of some clips as bytes, clip by clip.
    fn clips(&self, asked: &Clips, some: &[usize]) -> Result<Vec<u8>, StageError> {
        let each: Vec<Option<usize>> = some.iter().copied().map(Some).collect();
        let told = self.captions.of(asked, &each, &self.device)?;
        let untold = self.captions.of(asked, &vec![None; some.len()], &self.device)?;
        let mechanism = self.tuned.as_ref().and_then(Tuned::mechanism);
        let latent = match mechanism {
            Some(conditioned) => self.under(conditioned, asked, some, [&told, &untold])?,
            None => self.sample(asked, some, [&told, &untold])?,
        };
        let frames = || bytes(&self.base.codec.decode(&latent)?);
        frames().map_err(tensor_error)
    }

    /// Latents of some clips under a mechanism, whose passes take the place of the guidance.
    fn under(
        &self,
        conditioned: &Conditioned,
        asked: &Clips,
        some: &[usize],
        texts: [&Tensor; 2],
    ) -> Result<Tensor, StageError> {
        let pictures = asked.reference_images(some, &self.device).map_err(tensor_error)?;
        let latents = pictures.unsqueeze(2).and_then(|it| self.base.codec.encode(&it));
        let latents = latents.map_err(tensor_error)?;
        let shared = self.shared(asked, some, &pictures).map_err(tensor_error)?;
        let scene = Scene {
            codec: &self.base.codec,
            conditioning: &self.conditioning,
            frames: [asked.frames, self.frames],
        };
        let person = Person { pictures: &pictures, latents: &latents, shared };
        let told = conditioned.told(scene, &person, texts)?;
        let run = || -> TensorResult<Tensor> {
            // The same noise with the reference's frame in front and without.
            let noise = self.noise(asked, some, &latents)?;
            let first = 1 - told.identity.in_front;
            let noise = noise.narrow(2, first, noise.dim(2)? - first)?.contiguous()?;
            let latent = conditioned.method.generate(
                (&noise, &told),
                self.sampler,
                &mut Memory::default(),
                &mut |_| ControlFlow::Continue(()),
            )?;
            latent.ok_or_else(|| candle_core::Error::msg("sampling ended early"))
        };
        run().map_err(tensor_error)
    }

    /// Latents of some clips.
    fn sample(
        &self,
        asked: &Clips,
        some: &[usize],
        [told, untold]: [&Tensor; 2],
    ) -> Result<Tensor, StageError> {
        let sampler = Sampler::new(&self.sampler).map_err(model_error)?;
        let guidance = Guidance::classifier_free(self.spec.sampler.guidance);
        let run = || -> TensorResult<Tensor> {
            let pictures = asked.reference_images(some, &self.device)?;
            let shared = self.shared(asked, some, &pictures)?;
            let references = self.base.codec.encode(&pictures.unsqueeze(2)?)?;
            let negative = self.negative(&references, shared.as_ref(), untold)?;
            let positive = Condition {
                control: self.conditioning.control(&references, self.frames)?,
                text: told.clone(),
                shared,
            };
            let noise = self.noise(asked, some, &references)?;
            let mut predict = |latent: &Tensor, timestep: f64, passes: &[Pass]| {
                let t = Tensor::full(timestep as f32, some.len(), &self.device)?;
                let of = |pass: &Pass| {
                    let positive = (pass.condition == "positive").then_some(&positive);
                    self.velocity(latent, &t, positive.unwrap_or(&negative))
                };
                passes.iter().map(of).collect()
            };
            let latent = flow::sample(sampler, &guidance, &noise, &mut predict, &mut |_| {
                ControlFlow::Continue(())
            })?;
            let Some(latent) = latent else { candle_core::bail!("sampling ended early") };
            // The reference's own frame is no part of the clip.
            latent.narrow(2, 1, self.frames)
        };
        run().map_err(tensor_error)
    }

    /// What guidance pushes away from: no caption, and with `guides: "all"` no person either.
    fn negative(
        &self,
        references: &Tensor,
        shared: Option<&Tensor>,
        untold: &Tensor,
    ) -> TensorResult<Condition> {
        let told = self.spec.sampler.guides == "text";
        let clips = references.dim(0)?;
        let references = self.conditioning.references(references, &vec![told; clips])?;
        let shared = match shared {
            Some(shared) if told => Some(shared.clone()),
            Some(shared) => Some(shared.zeros_like()?),
            None => None,
        };
        Ok(Condition {
            control: self.conditioning.control(&references, self.frames)?,
            text: untold.clone(),
            shared,
        })
    }

    /// S of the references, or what stands in its place; their angles perturbed where the experiment
    /// asks for it.
    fn shared(
        &self,
        asked: &Clips,
        some: &[usize],
        pictures: &Tensor,
    ) -> TensorResult<Option<Tensor>> {
        let Some(tuned) = &self.tuned else { return Ok(None) };
        let limit = self.spec.perturb_deg as f32;
        let angles = some.iter().flat_map(|&clip| {
            let label = &asked.labels[clip];
            let purpose = format!("perturb/{}/{}", label.identity, label.caption);
            let mut stream = Stream::new(self.spec.draw, &purpose, 0);
            let errors: [f32; 3] = std::array::from_fn(|_| limit * stream.between(-1.0, 1.0));
            let off = |place: usize| {
                let names = &self.spec.angles;
                names.is_empty() || names.iter().any(|name| name == ANGLES[place])
            };
            std::array::from_fn::<f32, 3, _>(|place| {
                label.reference_pose_deg[place] + if off(place) { errors[place] } else { 0.0 }
            })
        });
        let radians: Vec<f32> = angles.map(f32::to_radians).collect();
        tuned.shared(&References {
            pictures: pictures.clone(),
            eulers: Tensor::from_vec(radians, (some.len(), 3), &self.device)?,
            people: some.iter().map(|&clip| asked.labels[clip].identity.as_str()).collect(),
        })
    }

    fn velocity(&self, latent: &Tensor, t: &Tensor, condition: &Condition) -> TensorResult<Tensor> {
        let scales =
            Tensor::full(self.spec.sampler.vace_scale as f32, self.base.hints(), &self.device)?;
        let adapter = self.tuned.as_ref().and_then(Tuned::adapter);
        self.base.wan.forward(&WanInput {
            vace: Some(VaceInput { context: &condition.control, scales: Some(&scales) }),
            lora: adapter.and_then(|adapter| adapter.lora.as_ref()),
            shared: adapter.and_then(|adapter| adapter.shared(condition.shared.as_ref())),
            ..WanInput::new(latent, t, &condition.text)
        })
    }

    /// Noise that depends on the seed, the person and the prompt alone.
    fn noise(&self, asked: &Clips, some: &[usize], references: &Tensor) -> TensorResult<Tensor> {
        let (_, c, _, h, w) = references.dims5()?;
        let draws: TensorResult<Vec<Tensor>> = some
            .iter()
            .map(|&clip| {
                let label = &asked.labels[clip];
                let purpose = format!("generate/{}/{}", label.identity, label.caption);
                let shape = (c, 1 + self.frames, h, w);
                Stream::new(self.spec.sampler.seed, &purpose, 0).normal_tensor(
                    shape,
                    1.0,
                    &self.device,
                )
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
