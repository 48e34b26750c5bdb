//! A mechanism on the network of a case: its weights, its passes, its trajectory and its gradients.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use candle_core::{Device, Tensor, Var};
use ffrun_models::baselines::{Identity, Mechanism, Memory, Method, Told, starting_weights};
use ffrun_models::flow::{Sampler, SamplerSettings, sample};
use ffrun_models::params::{Param, Params};
use ffrun_models::wan::{Wan, WanConfig};

use super::Result;
use super::case::{Case, floats, numbers};
use super::check::Check;

/// Tensors by name.
pub(super) type Values = BTreeMap<String, Tensor>;

/// A method with all its parameters, everything trained.
pub(super) struct Network {
    pub(super) method: Method,
    /// The transformer's.
    backbone: Params,
    own: Params,
    /// The case's name of a parameter.
    case_name: fn(&str) -> String,
}

impl Network {
    /// `base` has the sizes of the backbone alone; `weights` go by the names that `case_name` gives
    /// to the parameters.
    pub(super) fn new(
        mechanism: &Mechanism,
        base: &WanConfig,
        weights: &Values,
        case_name: fn(&str) -> String,
    ) -> Result<Self> {
        const FRAMES_IN_A_LATENT_ONE: usize = 4;
        let mut network = Params::new(&Device::Cpu);
        let config = mechanism.network(base, FRAMES_IN_A_LATENT_ONE)?;
        let wan = Wan::new(&config, &mut network, 0)?;
        let mut own = Params::new(&Device::Cpu);
        let method = Method::new(mechanism, (wan, &network), &mut own, 0)?;
        let mut unread = weights.clone();
        for params in [&network, &own] {
            let mut values = Values::new();
            for param in params.iter() {
                let name = case_name(param.name());
                let value = unread.remove(&name).ok_or(format!("no weight `{name}`"))?;
                values.insert(param.name().to_owned(), value);
            }
            params.load(&values)?;
        }
        match unread.keys().next() {
            Some(name) => Err(format!("no parameter takes `{name}`").into()),
            None => Ok(Self { method, backbone: network, own, case_name }),
        }
    }

    /// All parameters.
    pub(super) fn params(&self) -> impl Iterator<Item = &Param> {
        self.backbone.iter().chain(self.own.iter())
    }

    /// The velocity of the video in a pass that nothing is remembered for.
    pub(super) fn velocity(
        &self,
        (latent, timestep): (&Tensor, f64),
        text: &Tensor,
        identity: &Identity,
    ) -> Result<Tensor> {
        let pass = self.method.pass(text, identity, latent)?;
        Ok(pass.velocities(latent, &at(timestep)?, None)?.swap_remove(0))
    }

    /// The guided velocity and the latent after every step, as the sampling loop gives them; the
    /// settings' noise levels must be those of the case. Of the noise, the first `frames` are the
    /// video's; those behind are integrated along, as the velocities of noisy segments tell.
    pub(super) fn trajectory(
        &self,
        case: &Case,
        told: &Told,
        (noise, frames, settings): (&Tensor, usize, SamplerSettings),
    ) -> Result<Trajectory> {
        let sampler = Sampler::new(&settings)?;
        let schedule = sampler.schedule();
        let mut checks = case.tolerance("expected.timesteps").compare(
            "timesteps",
            schedule.timesteps(),
            &floats(&case.json["expected"]["timesteps"]),
        );
        let sigmas = floats(&case.json["expected"]["sigmas"]);
        let ours = &schedule.sigmas()[..sigmas.len()];
        checks.extend(case.tolerance("expected.sigmas").compare("sigmas", ours, &sigmas));
        let video = noise.narrow(2, 0, frames)?;
        let passes = self.method.passes(told, &video, &mut Memory::default())?;
        let (mut velocities, mut latents) = (vec![], vec![]);
        let guidance = self.method.guidance();
        let mut predict = |latent: &Tensor, timestep: f64, _: &[ffrun_models::flow::Pass]| {
            let timestep = Tensor::new(&[timestep as f32], &Device::Cpu)?;
            let video = latent.narrow(2, 0, frames)?;
            let found = passes.iter().map(|pass| {
                // Every noisy segment behind the video in time, as the cases store them.
                Ok(Tensor::cat(&pass.velocities(&video, &timestep, None)?, 2)?.detach())
            });
            let found: Vec<Tensor> = found.collect::<candle_core::Result<_>>()?;
            velocities.push(guidance.combine(&found)?);
            Ok(found)
        };
        let last = sample(sampler, guidance, noise, &mut predict, &mut |progress| {
            latents.push(progress.latent.clone());
            ControlFlow::Continue(())
        })?;
        let generated =
            self.method.generate((&video, told), settings, &mut Memory::default(), &mut |_| {
                ControlFlow::Continue(())
            })?;
        let (last, generated) = (last.ok_or("stopped")?, generated.ok_or("stopped")?);
        let last = last.narrow(2, 0, frames)?;
        let same = numbers(&last)? == numbers(&generated)?;
        checks.push(Check::exact("`generate` gives the loop's latent".into(), same));
        Ok(Trajectory { velocities, latents, checks })
    }

    /// Starts named modulation as a copy of the base's.
    pub(super) fn copy_modulation(&self) -> Result<()> {
        let mut base = self.backbone.to_map()?;
        base.retain(|name, _| !name.contains("_ref"));
        Ok(self.backbone.load(&starting_weights(&base, &self.backbone)?)?)
    }

    /// The gradients of `loss` by the case's names, those of `inputs` under `input.`.
    pub(super) fn gradients(&self, loss: &Tensor, inputs: &[(&str, &Var)]) -> Result<Values> {
        let store = loss.backward()?;
        let of = |var: &Var| match store.get(var) {
            Some(gradient) => Ok(gradient.detach()),
            None => var.zeros_like(),
        };
        let mut gradients = Values::new();
        for (name, var) in inputs {
            gradients.insert(format!("input.{name}"), of(var)?);
        }
        for param in self.params() {
            gradients.insert((self.case_name)(param.name()), of(param.var())?);
        }
        Ok(gradients)
    }
}

/// The course of a sampling run.
pub(super) struct Trajectory {
    /// One a step, `[1, C, F, H, W]`.
    pub(super) velocities: Vec<Tensor>,
    /// The same.
    pub(super) latents: Vec<Tensor>,
    /// Timesteps, noise levels, and that the pipeline ends where the loop does.
    pub(super) checks: Vec<Check>,
}

/// Compares every output of a case, those under `grad.` with `gradients`, its loss, and the length
/// of each gradient.
pub(super) fn compare(
    case: &Case,
    found: &Values,
    (loss, gradients): (f64, &Values),
) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for name in case.outputs() {
        let value = match name.strip_prefix("grad.") {
            Some(name) => gradients.get(name),
            None => found.get(name),
        };
        checks.extend(case.check(name, value.ok_or(format!("unknown output `{name}`"))?)?);
    }
    checks.extend(case.check_number("loss", loss, case.number("/expected/loss")?));
    let lengths = case.json["param_grad_l2"].as_object().ok_or("no gradients of parameters")?;
    for (name, expected) in lengths {
        let gradient = numbers(gradients.get(name).ok_or(format!("no parameter `{name}`"))?)?;
        let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let expected = expected.as_f64().ok_or("a length that is no number")?;
        let tolerance = case.tolerance("param_grad_l2");
        checks.extend(tolerance.compare(&format!("|grad {name}|"), &[length], &[expected]));
    }
    Ok(checks)
}

/// A timestep of a batch of one.
pub(super) fn at(timestep: f64) -> Result<Tensor> {
    Ok(Tensor::new(&[timestep], &Device::Cpu)?)
}

/// The mean squared error.
pub(super) fn squared_error(found: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok((found - target)?.sqr()?.mean_all()?)
}

/// One of each step, without the batch, stacked.
pub(super) fn stacked(steps: &[Tensor]) -> Result<Tensor> {
    let steps: Vec<Tensor> =
        steps.iter().map(|step| step.squeeze(0)).collect::<candle_core::Result<_>>()?;
    Ok(Tensor::stack(&steps, 0)?)
}
