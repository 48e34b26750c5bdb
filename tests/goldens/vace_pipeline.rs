//! Goldens of VACE end to end: reference picture and prompt in, video out.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use ffrun_models::codec::LatentCodec;
use ffrun_models::flow::{Guidance, Sampler, SamplerSettings, SigmaTable, SolverKind};
use ffrun_models::params::Params;
use ffrun_models::pipeline::{Condition, Pipeline};
use ffrun_models::vace::{Source, control_latent, fit_reference};
use ffrun_models::vae::WanVae;
use ffrun_models::wan::{VaceInput, Wan, WanInput, original_from_diffusers};

use super::case::{Case, floats};
use super::check::Check;
use super::wan_config::{diffusers_config, size};
use super::{Kind, Result, wan_vae};

/// diffusers' `WanVACEPipeline`.
pub(super) const KIND: Kind = Kind {
    name: "vace pipeline",
    recognises: |case| {
        ["transformer", "vae", "guidance_scale", "flow_shift"]
            .iter()
            .all(|key| case.has("/config", key))
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let scene = Scene::new(case)?;
    let mut checks = case.check("preprocessed_reference", &scene.reference)?;
    checks.extend(case.check("conditioning_latents", &scene.control)?);
    let samplers = [
        ("unipc", SolverKind::UniPc, SigmaTable::DiffusersUnipc),
        ("euler", SolverKind::Euler, SigmaTable::DiffusersEuler),
    ];
    for (name, solver, table) in samplers {
        let shift = case.number("/config/flow_shift")?;
        let settings = SamplerSettings { solver, table, steps: size(case, "steps")?, shift };
        let timesteps = Sampler::new(&settings)?.schedule().timesteps().to_vec();
        let expected = floats(&case.json["expected"][name]["timesteps"]);
        let tolerance = case.tolerance("expected.timesteps");
        checks.extend(tolerance.compare(&format!("{name} timesteps"), &timesteps, &expected));
        let (steps, video) = scene.sampled(case, settings)?;
        checks.extend(case.check(&format!("{name}.latents_per_step"), &steps)?);
        checks.extend(case.check(&format!("{name}.video_0_1"), &video)?);
    }
    Ok(checks)
}

/// The networks of a case, and what they are told.
struct Scene {
    wan: Wan,
    vae: WanVae,
    reference: Tensor,
    control: Tensor,
}

impl Scene {
    fn new(case: &Case) -> Result<Self> {
        let (transformer, autoencoder) = (case.part("transformer"), case.part("vae"));
        let mut params = Params::frozen(&Device::Cpu);
        let wan = Wan::new(&diffusers_config(&transformer)?, &mut params, 0)?;
        let mut weights = BTreeMap::new();
        for (name, value) in transformer.weights()? {
            let name = original_from_diffusers(&name).ok_or(format!("foreign name `{name}`"))?;
            weights.insert(name, value);
        }
        params.load(&weights)?;
        let config = wan_vae::config(&autoencoder)?;
        let mut params = Params::frozen(&Device::Cpu);
        let vae = WanVae::new(&config, &mut params, 0)?;
        params.load(&wan_vae::originals(autoencoder.weights()?, config.res_blocks)?)?;
        let (height, width) = (size(case, "height")?, size(case, "width")?);
        let picture = case.input("ref_image_hwc_u8")?.permute([2, 0, 1])?.contiguous()?;
        let picture = picture.to_dtype(DType::F32)?.affine(1.0 / 127.5, -1.0)?;
        let reference = fit_reference(&picture, height, width)?;
        let frames = size(case, "num_frames")?;
        let source = Source::Nothing { batch: 1, frames, height, width };
        let control = control_latent(&vae, &source, &[reference.unsqueeze(0)?], &Device::Cpu)?;
        Ok(Self { wan, vae, reference, control })
    }

    /// The latent after every step, and the video in [0, 1] with channels last.
    fn sampled(&self, case: &Case, sampler: SamplerSettings) -> Result<(Tensor, Tensor)> {
        let noise = case.input("latents")?;
        let texts = [case.input("prompt_embeds")?, case.input("negative_prompt_embeds")?];
        let layers = self.wan.config().vace.as_ref().map_or(0, |vace| vace.blocks.len());
        let scale = case.number("/config/conditioning_scale")? as f32;
        let scales = Tensor::full(scale, layers, &Device::Cpu)?;
        let vace = Some(VaceInput { context: &self.control, scales: Some(&scales) });
        let timestep = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
        let input = |text| WanInput { vace, ..WanInput::new(&noise, &timestep, text) };
        let conditions = [
            Condition { name: "positive", input: input(&texts[0]) },
            Condition { name: "negative", input: input(&texts[1]) },
        ];
        let guidance = Guidance::classifier_free(case.number("/config/guidance_scale")?);
        let (wan, references) = (&self.wan, 1);
        let pipeline = Pipeline {
            wan,
            sampler,
            guidance: &guidance,
            conditions: &conditions,
            references,
            batched: false,
        };
        let mut steps = vec![];
        let latent = pipeline.generate(&noise, &mut |progress| {
            steps.push(progress.latent.clone());
            ControlFlow::Continue(())
        })?;
        let video = self.vae.decode(&latent.ok_or("the run was stopped")?)?;
        let video = video.affine(0.5, 0.5)?.clamp(0f32, 1f32)?.permute([0, 2, 3, 4, 1])?;
        Ok((Tensor::cat(&steps, 0)?, video.contiguous()?))
    }
}
