//! Goldens of Phantom: reference pictures, three passes, a UniPC trajectory and gradients.

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor, Var};
use ffrun_models::baselines::{
    Identity, Mechanism, Memory, PassInput, Told, fitted_on_white, phantom,
};
use ffrun_models::codec::LatentCodec;
use ffrun_models::flow::{SamplerSettings, SigmaTable, SolverKind};
use ffrun_models::wan::WanConfig;

use super::case::Case;
use super::check::Check;
use super::fake_vae::{FakeVae, in_units};
use super::method_network::{Network, Values, at, compare, squared_error, stacked};
use super::resample::{picture, tensor};
use super::wan_config::{original_config, sides, size};
use super::{Kind, Result};

/// Phantom's whole pipeline.
pub(super) const KIND: Kind =
    Kind { name: "Phantom", recognises: |case| case.has("/config", "guide_scale_img"), run };

fn run(case: &Case) -> Result<Vec<Check>> {
    let scene = Scene::new(case)?;
    let mut found = scene.first_step(case)?;
    found.insert("ref_images_fitted".into(), scene.fitted.clone());
    found.insert("ref_latents".into(), scene.told.identity.references[0].squeeze(0)?);
    let video = scene.noise.narrow(2, 0, scene.frames)?;
    found.extend(scene.forward(&video)?);
    let settings = SamplerSettings {
        solver: SolverKind::UniPc,
        table: SigmaTable::WanUnipc,
        steps: size(case, "sampling_steps")?,
        shift: case.number("/config/shift")?,
    };
    let course =
        scene.network.trajectory(case, &scene.told, (&scene.noise, scene.frames, settings))?;
    let last = course.latents.last().ok_or("no steps")?.narrow(2, 0, scene.frames)?;
    found.insert("noise_pred_per_step".into(), stacked(&course.velocities)?);
    found.insert("latents_per_step".into(), stacked(&course.latents)?);
    found.insert("final_video_latent".into(), last.squeeze(0)?);
    let (loss, gradients) = scene.training(case, &video)?;
    let mut checks = compare(case, &found, (loss, &gradients))?;
    checks.extend(course.checks);
    Ok(checks)
}

struct Scene {
    network: Network,
    told: Told,
    fitted: Tensor,
    /// Of the video and, behind it, of the references, as the original draws it.
    noise: Tensor,
    frames: usize,
}

impl Scene {
    fn new(case: &Case) -> Result<Self> {
        let mechanism = mechanism(case)?;
        let config =
            WanConfig { text_len: Some(size(case, "text_len")?), ..original_config(case)? };
        let mut weights = case.weights()?;
        weights.retain(|name, _| !FakeVae::owns(name));
        let network = Network::new(&mechanism, &config, &weights, str::to_owned)?;
        let vae = FakeVae::new(case)?;
        let [width, height] = sides(&case.json["config"]["size"])[..] else {
            return Err("a size without two sides".into());
        };
        let (mut fitted, mut latents) = (vec![], vec![]);
        while case.has("/inputs", &format!("ref_image{}", fitted.len())) {
            let image = picture(&case.input(&format!("ref_image{}", fitted.len()))?)?;
            let image = tensor(&fitted_on_white(&image, [height, width])?.0)?;
            latents.push(vae.encode(&in_units(&image)?.unsqueeze(2)?)?);
            fitted.push(image);
        }
        let identity =
            Identity { references: vec![Tensor::cat(&latents, 2)?], ..Identity::default() };
        let told = Told {
            prompt: case.input("context")?.unsqueeze(0)?,
            negative: case.input("context_neg")?.unsqueeze(0)?,
            blank: identity.blank(None)?,
            identity,
        };
        let frames = vae.temporal(size(case, "frame_num")?);
        let noise = case.input("noise")?.unsqueeze(0)?;
        Ok(Self { network, told, fitted: Tensor::stack(&fitted, 0)?, noise, frames })
    }

    /// All passes of the first step, and what they are given.
    fn first_step(&self, case: &Case) -> Result<Values> {
        let video = self.noise.narrow(2, 0, self.frames)?;
        let first = at(case.number("/expected/timesteps/0")?)?;
        let passes = self.network.method.passes(&self.told, &video, &mut Memory::default())?;
        let velocity = |pass: &PassInput| -> Result<Tensor> {
            Ok(Tensor::cat(&pass.velocities(&video, &first, None)?, 2)?.squeeze(0)?)
        };
        let mut found = Values::new();
        for (pass, name) in passes.iter().zip(["neg", "pos_i", "pos_it"]) {
            found.insert(format!("step0.{name}"), velocity(pass)?);
        }
        let inputs = [("with_refs", &self.told.identity), ("zero_refs", &self.told.blank)];
        for (name, identity) in inputs {
            let whole = Tensor::cat(&[&video, &identity.references[0]], 2)?;
            found.insert(format!("step0.input_{name}"), whole.squeeze(0)?);
        }
        Ok(found)
    }

    /// One pass at t = 937.25 with what its blocks give.
    fn forward(&self, video: &Tensor) -> Result<Values> {
        let shown = RefCell::new(Values::new());
        let observe = |name: &str, value: &Tensor| {
            shown.borrow_mut().insert(name.to_owned(), value.detach());
        };
        let pass = self.network.method.pass(&self.told.prompt, &self.told.identity, video)?;
        let velocities = pass.velocities(video, &at(TIMESTEP)?, Some(&observe))?;
        let mut found = Values::new();
        for (name, value) in shown.into_inner() {
            if let Some(block) = name.strip_prefix("blocks.").filter(|rest| !rest.contains('.')) {
                found.insert(format!("forward_mid.block{block}"), value);
            }
        }
        found.insert("forward_t937.25".into(), Tensor::cat(&velocities, 2)?.squeeze(0)?);
        Ok(found)
    }

    fn training(&self, case: &Case, video: &Tensor) -> Result<(f64, Values)> {
        let latents = Var::from_tensor(video)?;
        let references = Var::from_tensor(&self.told.identity.references[0])?;
        let identity =
            Identity { references: vec![references.as_tensor().clone()], ..Identity::default() };
        let input = (latents.as_tensor(), TIMESTEP);
        let found = self.network.velocity(input, &self.told.prompt, &identity)?;
        let loss = squared_error(&found, &case.input("target")?.unsqueeze(0)?)?;
        let inputs = [("latents", &latents), ("ref_latents", &references)];
        let mut gradients = self.network.gradients(&loss, &inputs)?;
        for (_, gradient) in gradients.iter_mut().filter(|(name, _)| name.starts_with("input.")) {
            *gradient = gradient.squeeze(0)?;
        }
        let loss = loss.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        Ok((loss, gradients))
    }
}

/// The timestep of the stored forward pass, in its outputs' name only.
const TIMESTEP: f64 = 937.25;

/// Phantom with the case's scales, and velocities of the references as its cases store them.
fn mechanism(case: &Case) -> Result<Mechanism> {
    let mut mechanism = phantom();
    mechanism.segments[0].noisy = true;
    mechanism.passes[1].scale = case.number("/config/guide_scale_img")?;
    mechanism.passes[2].scale = case.number("/config/guide_scale_text")?;
    Ok(mechanism)
}
