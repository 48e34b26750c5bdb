//! Goldens of reference conditioning through token segments: Stand-In and Concat-ID.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use ffrun_models::lora::{Lora, LoraGroup};
use ffrun_models::params::{Param, Params};
use ffrun_models::wan::{
    Attends, Grid, ModulationConfig, Observer, Rotary, Segment, Tokens, Wan, WanConfig, WanInput,
};

use super::case::{Case, floats, numbers};
use super::check::Check;
use super::wan_config::original_config;
use super::{Kind, Result};

/// A Wan with one clean reference, by the way its configuration tells.
pub(super) const KIND: Kind = Kind {
    name: "wan with a reference",
    recognises: |case| {
        ["num_heads", "text_dim", "has_image_input"].iter().all(|key| case.has("/config", key))
            && Method::of(case).is_ok()
    },
    run,
};

/// How the reference joins the video.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    /// At time −1 beside the grid, at t = 0, seeing itself only, with adapters.
    StandIn,
    /// One frame behind the video, beside the grid, with modulation of its own.
    ConcatId {
        /// As released, the feed-forward reuses the attention's shift and scale.
        as_released: bool,
    },
}

impl Method {
    fn of(case: &Case) -> Result<Self> {
        if case.has("/config", "lora_rank") {
            Ok(Self::StandIn)
        } else if case.has("/config", "num_context_images") {
            Ok(Self::ConcatId { as_released: true })
        } else {
            Err("no known way to condition on a reference".into())
        }
    }

    fn config(self, case: &Case) -> Result<WanConfig> {
        let modulations = match self {
            Self::StandIn => vec![],
            Self::ConcatId { as_released } => {
                vec![ModulationConfig { name: "ref".to_owned(), ffn_reuses_attention: as_released }]
            }
        };
        Ok(WanConfig { modulations, ..original_config(case)? })
    }
}

fn run(case: &Case) -> Result<Vec<Check>> {
    let method = Method::of(case)?;
    let network = Network::new(case, method)?;
    let mut found = match method {
        Method::StandIn => stand_in(case, &network)?,
        Method::ConcatId { .. } => concat_id(case, &network)?,
    };
    found.extend(trajectory(case, &network)?);
    let (loss, gradients) = training(case, &network)?;
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

type Values = BTreeMap<String, Tensor>;

/// Forward passes of a Stand-In case. Its cache of reference keys and values changes no number:
/// the reference depends on neither text nor timestep.
fn stand_in(case: &Case, network: &Network) -> Result<Values> {
    let (first, later) = (
        case.number("/inputs/timestep_first/value")?,
        case.number("/inputs/timestep_later/value")?,
    );
    let (latents, text) = (case.input("latents")?, case.input("context")?);
    let reference = case.input("ip_image")?;
    let pass =
        Pass { latents: &latents, text: &text, timestep: first, reference: Some(&reference) };
    let (sample, shown) = network.shown(pass)?;
    let mut found = Values::from([("first_step".to_owned(), sample)]);
    for block in 0..network.wan.config().blocks {
        let at = |name: String| shown.get(&name).cloned().ok_or(format!("`{name}` was not shown"));
        found.insert(format!("mid.block{block}.video"), at(format!("blocks.{block}"))?);
        found.insert(format!("mid.block{block}.ref"), at(format!("blocks.{block}.span1"))?);
        for part in ["k", "v"] {
            let heads = at(format!("blocks.{block}.span1.self_attn.{part}"))?;
            found.insert(format!("cache.block{block}.{part}"), heads.flatten_from(2)?);
        }
    }
    let negative = case.input("context_neg")?;
    let passes = [
        ("plain_no_reference", Pass { reference: None, ..pass }),
        ("first_step_negative_cached", Pass { text: &negative, ..pass }),
        (
            "later_step_cached",
            Pass { latents: &case.input("latents_later")?, timestep: later, ..pass },
        ),
    ];
    for (name, pass) in passes {
        found.insert(name.to_owned(), network.pass(pass)?);
    }
    let grid = network.reference_grid(&latents, &reference)?;
    let width = network.wan.config().head_dim();
    let rotary = Rotary::new(&[grid], width, &Device::Cpu)?;
    found.insert("rope_ref_cos".to_owned(), rotary.cos);
    found.insert("rope_ref_sin".to_owned(), rotary.sin);
    Ok(found)
}

/// Forward passes of a Concat-ID case: as released, as intended, and with copied modulation.
fn concat_id(case: &Case, network: &Network) -> Result<Values> {
    let (latents, text) = (case.input("latents")?, case.input("context")?);
    let reference = case.input("reference_latent")?;
    let timestep = case.number("/inputs/timestep/value")?;
    let pass = Pass { latents: &latents, text: &text, timestep, reference: Some(&reference) };
    let (sample, shown) = network.shown(pass)?;
    let mut found = Values::from([("sample".to_owned(), sample)]);
    for block in 0..network.wan.config().blocks {
        let at = |name: String| shown.get(&name).cloned().ok_or(format!("`{name}` was not shown"));
        let parts = [at(format!("blocks.{block}"))?, at(format!("blocks.{block}.span1"))?];
        found.insert(format!("mid.block{block}"), Tensor::cat(&parts, 1)?);
    }
    found.insert("sample_all_frames".to_owned(), network.all_frames(pass)?);
    let intended = Network::new(case, Method::ConcatId { as_released: false })?;
    found.insert("intended_form.sample_all_frames".to_owned(), intended.all_frames(pass)?);
    let copied = Network::new(case, Method::ConcatId { as_released: true })?;
    for param in copied.params.iter().filter(|param| param.name().contains("_ref")) {
        let source = param.name().replace("_ref", "");
        let source = copied.params.get(&source).ok_or(format!("no parameter `{source}`"))?;
        param.var().set(&source.var().as_detached_tensor().copy()?)?;
    }
    found.insert("at_init_copies".to_owned(), copied.all_frames(pass)?);
    Ok(found)
}

/// Euler steps with guidance; both passes carry the reference.
fn trajectory(case: &Case, network: &Network) -> Result<Values> {
    let list = |key: &str| floats(&case.json["expected"][key]);
    let (mut sigmas, timesteps) = (list("sigmas"), list("timesteps"));
    sigmas.push(0.0);
    let guidance = case.number("/expected/cfg_scale")?;
    let reference = network.reference(case)?;
    let (text, negative) = (case.input("context")?, case.input("context_neg")?);
    let mut latents = case.input("latents")?;
    let (mut predictions, mut trail) = (vec![], vec![]);
    for (step, &timestep) in timesteps.iter().enumerate() {
        let pass = Pass { latents: &latents, text: &text, timestep, reference: Some(&reference) };
        let (with, without) =
            (network.pass(pass)?, network.pass(Pass { text: &negative, ..pass })?);
        let velocity = (&without + ((with - &without)? * guidance)?)?;
        latents = (&latents + (&velocity * (sigmas[step + 1] - sigmas[step]))?)?;
        predictions.push(velocity.squeeze(0)?);
        trail.push(latents.squeeze(0)?);
    }
    Ok(Values::from([
        ("euler4.noise_pred".to_owned(), Tensor::stack(&predictions, 0)?),
        ("euler4.latents".to_owned(), Tensor::stack(&trail, 0)?),
    ]))
}

/// The mean squared error on the video, and its gradients by the names of the case.
fn training(case: &Case, network: &Network) -> Result<(f64, Values)> {
    let latents = Var::from_tensor(&case.input("latents")?)?;
    let reference = Var::from_tensor(&network.reference(case)?)?;
    let key = if case.has("/inputs", "timestep") { "timestep" } else { "timestep_first" };
    let timestep = case.number(&format!("/inputs/{key}/value"))?;
    let text = case.input("context")?;
    let reference_input = Some(reference.as_tensor());
    let pass = Pass { latents: &latents, text: &text, timestep, reference: reference_input };
    let loss = (network.pass(pass)? - case.input("target")?)?.sqr()?.mean_all()?;
    let store = loss.backward()?;
    let of = |var: &Var| match store.get(var) {
        Some(gradient) => Ok::<_, candle_core::Error>(gradient.detach()),
        None => var.zeros_like(),
    };
    let reference_name = if network.lora.is_some() { "ip_image" } else { "reference_latent" };
    let mut gradients = Values::from([
        ("input.latents".to_owned(), of(&latents)?),
        (format!("input.{reference_name}"), of(&reference)?),
    ]);
    for param in network.all_params() {
        gradients.insert(stand_in_name(param.name()), of(param.var())?);
    }
    Ok((f64::from(loss.to_scalar::<f32>()?), gradients))
}

/// The name of an adapter's weight in Stand-In's code; other names stay.
fn stand_in_name(name: &str) -> String {
    name.replace(".lora_A.", "_loras.down.").replace(".lora_B.", "_loras.up.")
}

/// One forward pass.
#[derive(Clone, Copy)]
struct Pass<'a> {
    latents: &'a Tensor,
    text: &'a Tensor,
    timestep: f64,
    reference: Option<&'a Tensor>,
}

/// The network of a case, with its weights.
struct Network {
    wan: Wan,
    params: Params,
    lora: Option<(Lora, Params)>,
    method: Method,
}

impl Network {
    fn new(case: &Case, method: Method) -> Result<Self> {
        let mut params = Params::new(&Device::Cpu);
        let wan = Wan::new(&method.config(case)?, &mut params, 0)?;
        let (adapters, weights): (Values, Values) =
            case.weights()?.into_iter().partition(|(name, _)| name.contains("_loras."));
        params.load(&weights)?;
        let mut lora = None;
        if method == Method::StandIn {
            let rank = case.number("/config/lora_rank")? as usize;
            let alpha = rank as f64 * case.number("/config/lora_scale")?;
            let targets = ["q", "k", "v"].map(|name| format!("self_attn.{name}")).to_vec();
            let mut own = Params::new(&Device::Cpu);
            let adapter = Lora::new(&[LoraGroup { targets, rank, alpha }], &params, &mut own, 0)?;
            let mut renamed = Values::new();
            for name in own.iter().map(Param::name) {
                let value = adapters.get(&stand_in_name(name)).ok_or(format!("no `{name}`"))?;
                renamed.insert(name.to_owned(), value.clone());
            }
            own.load(&renamed)?;
            lora = Some((adapter, own));
        }
        Ok(Self { wan, params, lora, method })
    }

    fn all_params(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().chain(self.lora.iter().flat_map(|(_, params)| params.iter()))
    }

    fn reference(&self, case: &Case) -> Result<Tensor> {
        case.input(if self.method == Method::StandIn { "ip_image" } else { "reference_latent" })
    }

    /// Where the reference's tokens lie.
    fn reference_grid(&self, latents: &Tensor, reference: &Tensor) -> Result<Grid> {
        let tokens = |latent: &Tensor| -> Result<[usize; 3]> {
            let (_, _, f, h, w) = latent.dims5()?;
            let [pt, ph, pw] = self.wan.config().patch;
            Ok([f / pt, h / ph, w / pw])
        };
        let [t, h, w] = tokens(latents)?.map(|side| side as i64);
        let origin = match self.method {
            Method::StandIn => [-1, h, w],
            Method::ConcatId { .. } => [t, 0, w],
        };
        Ok(Grid { size: tokens(reference)?, origin })
    }

    fn pass(&self, pass: Pass) -> Result<Tensor> {
        Ok(self.velocities(pass, None)?.swap_remove(0))
    }

    /// The velocities of video and reference in one.
    fn all_frames(&self, pass: Pass) -> Result<Tensor> {
        Ok(Tensor::cat(&self.velocities(pass, None)?, 2)?)
    }

    fn shown(&self, pass: Pass) -> Result<(Tensor, Values)> {
        let shown = RefCell::new(Values::new());
        let observe = |name: &str, value: &Tensor| {
            shown.borrow_mut().insert(name.to_owned(), value.detach());
        };
        let sample = self.velocities(pass, Some(&observe))?.swap_remove(0);
        Ok((sample, shown.into_inner()))
    }

    fn velocities(&self, pass: Pass, observer: Option<Observer>) -> Result<Vec<Tensor>> {
        let timestep = Tensor::new(&[pass.timestep], &Device::Cpu)?;
        let clean = Tensor::new(&[0f64], &Device::Cpu)?;
        let mut segments = vec![];
        if let Some(reference) = pass.reference {
            let origin = self.reference_grid(pass.latents, reference)?.origin;
            let segment = Segment::clean(Tokens::Latent(reference), origin);
            segments.push(match self.method {
                Method::StandIn => Segment {
                    timestep: Some(&clean),
                    attends_to: Attends::Only(&[1]),
                    lora: self.lora.as_ref().map(|(lora, _)| lora),
                    sees_text: false,
                    ..segment
                },
                Method::ConcatId { .. } => {
                    Segment { modulation: Some("ref"), noisy: true, sees_text: false, ..segment }
                }
            });
        }
        let input = WanInput::new(pass.latents, &timestep, pass.text);
        Ok(self.wan.velocities(&WanInput { segments: &segments, observer, ..input })?)
    }
}
