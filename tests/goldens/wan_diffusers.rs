//! Goldens of the Wan transformer in diffusers' naming, with and without VACE, image branch and
//! LoRA: every output and every gradient, blocks kept and blocks recomputed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Tensor, Var};
use ffrun_models::lora::{Lora, LoraGroup};
use ffrun_models::ops;
use ffrun_models::params::Params;
use ffrun_models::wan::{VaceInput, Wan, WanInput, original_from_diffusers};
use serde_json::Value;

use super::case::{Case, numbers};
use super::check::Check;
use super::wan_config::{diffusers_config, sides};
use super::{Kind, Result};

/// diffusers' `WanTransformer3DModel` and `WanVACETransformer3DModel`.
pub(super) const KIND: Kind = Kind {
    name: "wan",
    recognises: |case| {
        let config = ["attention_head_dim", "text_dim", "freq_dim", "rope_max_seq_len"];
        let inputs = ["hidden_states", "encoder_hidden_states", "grad_probe"];
        config.iter().all(|key| case.has("/config", key))
            && inputs.iter().all(|key| case.has("/inputs", key))
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let kept = Found::compute(case, false)?;
    let recomputed = Found::compute(case, true)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let shape = sides(&case.json["outputs"][name]["shape"]);
        checks.extend(case.check(name, &kept.output(name)?.reshape(shape.clone())?)?);
        if !name.starts_with("mid.") {
            checks.extend(case.check(name, &recomputed.output(name)?.reshape(shape)?)?);
        }
    }
    let lengths = case.json["param_grad_l2"].as_object().ok_or("no gradients of parameters")?;
    for (name, expected) in lengths {
        let expected = expected.as_f64().ok_or("a length that is no number")?;
        for found in [&kept, &recomputed] {
            let gradient = numbers(found.gradient(name)?)?;
            let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let what = format!("|grad {name}|");
            checks.extend(case.tolerance("param_grad_l2").compare(&what, &[length], &[expected]));
        }
    }
    Ok(checks)
}

/// One forward and backward pass, with all that the cases ask for.
struct Found {
    shown: BTreeMap<String, Tensor>,
    gradients: BTreeMap<String, Tensor>,
    grid: Vec<usize>,
    eps: f32,
}

impl Found {
    fn compute(case: &Case, recompute: bool) -> Result<Self> {
        let network = Network::new(case)?;
        let inputs = Inputs::new(case)?;
        let shown = RefCell::new(BTreeMap::new());
        let observe = |name: &str, value: &Tensor| {
            shown.borrow_mut().insert(name.to_owned(), value.detach());
        };
        let timestep = case.input("timestep")?;
        let (latent, text) =
            (inputs.require("hidden_states")?, inputs.require("encoder_hidden_states")?);
        let vace = inputs.get("control_hidden_states").map(|context| VaceInput {
            context,
            scales: inputs.get("control_hidden_states_scale"),
        });
        let sample = network.wan.forward(&WanInput {
            vace,
            image: inputs.get("encoder_hidden_states_image"),
            lora: network.lora.as_ref().map(|(lora, _)| lora),
            recompute,
            observer: Some(&observe),
            ..WanInput::new(latent, &timestep, text)
        })?;
        let loss = (&sample * case.input("grad_probe")?)?.sum_all()?;
        let store = loss.backward()?;
        let mut gradients = BTreeMap::new();
        for (name, var) in network.variables().chain(inputs.variables()) {
            let gradient = store.get(var).ok_or(format!("no gradient of `{name}`"))?;
            gradients.insert(name, gradient.detach());
        }
        let mut shown = shown.take();
        shown.insert("sample".to_owned(), sample.detach());
        shown.insert("loss".to_owned(), loss.detach());
        let (_, _, f, h, w) = sample.dims5()?;
        let config = network.wan.config();
        let grid = [f, h, w].iter().zip(config.patch).map(|(side, patch)| side / patch).collect();
        Ok(Self { shown, gradients, grid, eps: config.eps })
    }

    fn output(&self, name: &str) -> Result<Tensor> {
        if let Some(input) = name.strip_prefix("grad.input.") {
            let gradient = self.gradients.get(&format!("input.{input}"));
            return Ok(gradient.ok_or(format!("no input `{input}`"))?.clone());
        }
        if let Some(parameter) = name.strip_prefix("grad.param.") {
            return Ok(self.gradient(parameter)?.clone());
        }
        name.strip_prefix("mid.").map_or_else(|| self.show(name), |module| self.module(module))
    }

    /// What the module of this diffusers name gives.
    fn module(&self, module: &str) -> Result<Tensor> {
        if let Some(part) = module.strip_prefix("condition_embedder.") {
            let parts = ["time_embedding", "time_projection", "text_embedding", "img_emb"];
            return self.show(parts.get(part.parse::<usize>()?).ok_or("an unknown embedder")?);
        }
        if module.ends_with("patch_embedding") {
            let tokens = self.show(module)?;
            let shape = [vec![tokens.dim(0)?, tokens.dim(2)?], self.grid.clone()].concat();
            return Ok(tokens.transpose(1, 2)?.reshape(shape)?);
        }
        if module == "norm_out" {
            let x = self.show("head.input")?;
            let ones = Tensor::ones(x.dim(D::Minus1)?, x.dtype(), x.device())?;
            return Ok(ops::layer_norm(&x, &ones, &ones.zeros_like()?, self.eps)?);
        }
        if let Some(part) = module.strip_prefix("vace_blocks.") {
            // A VACE block gives (hint, tokens).
            let (block, which) = part.split_once('.').ok_or("a VACE block without its part")?;
            let part = if which == "0" { ".after_proj" } else { "" };
            return self.show(&format!("vace_blocks.{block}{part}"));
        }
        self.show(&module.replace("attn1", "self_attn").replace("attn2", "cross_attn"))
    }

    fn show(&self, name: &str) -> Result<Tensor> {
        Ok(self.shown.get(name).ok_or(format!("`{name}` was not shown"))?.clone())
    }

    fn gradient(&self, diffusers: &str) -> Result<&Tensor> {
        let name = original(diffusers)?;
        Ok(self.gradients.get(&name).ok_or(format!("no parameter `{name}`"))?)
    }
}

/// The network of a case, with its weights.
struct Network {
    wan: Wan,
    params: Params,
    lora: Option<(Lora, Params)>,
}

impl Network {
    fn new(case: &Case) -> Result<Self> {
        let mut params = Params::new(&Device::Cpu);
        let wan = Wan::new(&diffusers_config(case)?, &mut params, 0)?;
        let mut weights = BTreeMap::new();
        for (name, value) in case.weights()? {
            weights.insert(original(&name)?, value);
        }
        let adapters = weights.iter().filter(|(name, _)| name.contains(".lora_"));
        let adapters: BTreeMap<_, _> =
            adapters.map(|(name, value)| (name.clone(), value.clone())).collect();
        weights.retain(|name, _| !adapters.contains_key(name));
        params.load(&weights)?;
        let lora = case.has("/config", "lora").then(|| adapted(case, &params, &adapters));
        Ok(Self { wan, lora: lora.transpose()?, params })
    }

    fn variables(&self) -> impl Iterator<Item = (String, &Var)> {
        let adapters = self.lora.iter().flat_map(|(_, params)| params.iter());
        self.params.iter().chain(adapters).map(|param| (param.name().to_owned(), param.var()))
    }
}

fn adapted(
    case: &Case,
    base: &Params,
    weights: &BTreeMap<String, Tensor>,
) -> Result<(Lora, Params)> {
    // PEFT's targets are ends of module names, which differ between the namings: `to_q`, `q`.
    let target = |module: &Value| {
        let name = original(&format!("blocks.0.attn1.{}", module.as_str().ok_or("no name")?))?;
        Ok::<_, Box<dyn std::error::Error>>(name.rsplit('.').next().unwrap_or("").to_owned())
    };
    let modules = case.list("/config/lora/target_modules")?;
    let group = LoraGroup {
        targets: modules.iter().map(target).collect::<Result<_>>()?,
        rank: case.number("/config/lora/r")? as usize,
        alpha: case.number("/config/lora/lora_alpha")?,
    };
    let mut params = Params::new(&Device::Cpu);
    let lora = Lora::new(&[group], base, &mut params, 0)?;
    params.load(weights)?;
    Ok((lora, params))
}

/// The inputs that get a gradient.
struct Inputs(BTreeMap<String, Var>);

impl Inputs {
    fn new(case: &Case) -> Result<Self> {
        let known = [
            "hidden_states",
            "encoder_hidden_states",
            "encoder_hidden_states_image",
            "control_hidden_states",
            "control_hidden_states_scale",
        ];
        let mut inputs = BTreeMap::new();
        for name in known.into_iter().filter(|name| case.has("/inputs", name)) {
            let value = case.input(name)?.to_dtype(DType::F32)?;
            inputs.insert(name.to_owned(), Var::from_tensor(&value)?);
        }
        Ok(Self(inputs))
    }

    fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name).map(Var::as_tensor)
    }

    fn require(&self, name: &str) -> Result<&Tensor> {
        Ok(self.get(name).ok_or(format!("no input `{name}`"))?)
    }

    fn variables(&self) -> impl Iterator<Item = (String, &Var)> {
        self.0.iter().map(|(name, var)| (format!("input.{name}"), var))
    }
}

/// The original's name of a parameter, without the parts PEFT adds while a model is adapted.
fn original(diffusers: &str) -> Result<String> {
    let name = diffusers.replace(".default.", ".").replace(".base_layer.", ".");
    Ok(original_from_diffusers(&name).ok_or(format!("foreign name `{diffusers}`"))?)
}
