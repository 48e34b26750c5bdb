//! Goldens of the Wan transformer in diffusers' naming: every output, every gradient.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Tensor, Var};
use ffrun_models::ops;
use ffrun_models::params::Params;
use ffrun_models::wan::{
    ImageConfig, VaceConfig, VaceInput, Wan, WanConfig, WanInput, original_from_diffusers,
};

use super::case::{Case, integers, numbers};
use super::check::Check;
use super::{Kind, Result};

/// diffusers' `WanTransformer3DModel` and `WanVACETransformer3DModel`.
pub(super) const KIND: Kind = Kind {
    name: "wan",
    recognises: |case| {
        let config = ["attention_head_dim", "text_dim", "freq_dim", "rope_max_seq_len"];
        let inputs = ["hidden_states", "encoder_hidden_states", "grad_probe"];
        config.iter().all(|key| case.has("/config", key))
            && inputs.iter().all(|key| case.has("/inputs", key))
            && !case.has("/config", "lora")
    },
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let found = Found::compute(case)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let shape: Vec<usize> = integers(&case.json["outputs"][name]["shape"])
            .iter()
            .map(|&side| side as usize)
            .collect();
        checks.extend(case.check(name, &found.output(name)?.reshape(shape)?)?);
    }
    let lengths = case.json["param_grad_l2"].as_object().ok_or("no gradients of parameters")?;
    for (name, expected) in lengths {
        let gradient = numbers(found.gradient(name)?)?;
        let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let expected = expected.as_f64().ok_or("a length that is no number")?;
        let what = format!("|grad {name}|");
        checks.extend(case.tolerance("param_grad_l2").compare(&what, &[length], &[expected]));
    }
    Ok(checks)
}

/// The sizes a case's configuration states.
fn config(case: &Case) -> Result<WanConfig> {
    let size = |key: &str| {
        Ok::<_, Box<dyn std::error::Error>>(case.number(&format!("/config/{key}"))? as usize)
    };
    let patch: Vec<usize> =
        integers(&case.json["config"]["patch_size"]).iter().map(|&side| side as usize).collect();
    let heads = size("num_attention_heads")?;
    let vace = case.has("/config", "vace_layers").then(|| {
        let layers = integers(&case.json["config"]["vace_layers"]);
        let blocks = layers.iter().map(|&layer| layer as usize).collect();
        Ok::<_, Box<dyn std::error::Error>>(VaceConfig {
            blocks,
            in_channels: size("vace_in_channels")?,
        })
    });
    let image = case.has("/config", "image_dim").then(|| size("image_dim")).transpose()?;
    Ok(WanConfig {
        dim: heads * size("attention_head_dim")?,
        ffn_dim: size("ffn_dim")?,
        heads,
        blocks: size("num_layers")?,
        in_channels: size("in_channels")?,
        out_channels: size("out_channels")?,
        patch: patch.try_into().map_err(|_| "a patch without three sides")?,
        text_dim: size("text_dim")?,
        text_len: None,
        freq_dim: size("freq_dim")?,
        eps: case.number("/config/eps")? as f32,
        vace: vace.transpose()?,
        image: image.map(|dim| ImageConfig { dim }),
    })
}

/// One forward and backward pass, with all that the cases ask for.
struct Found {
    shown: BTreeMap<String, Tensor>,
    gradients: BTreeMap<String, Tensor>,
    grid: Vec<usize>,
}

impl Found {
    fn compute(case: &Case) -> Result<Self> {
        let config = config(case)?;
        let mut params = Params::new(&Device::Cpu);
        let wan = Wan::new(&config, &mut params, 0)?;
        params.load(&originals(case.weights()?)?)?;
        let inputs = Inputs::new(case)?;
        let shown = RefCell::new(BTreeMap::new());
        let observe = |name: &str, value: &Tensor| {
            shown.borrow_mut().insert(name.to_owned(), value.detach());
        };
        let timestep = case.input("timestep")?;
        let vace = inputs.get("control_hidden_states").map(|context| VaceInput {
            context,
            scales: inputs.get("control_hidden_states_scale"),
        });
        let input = WanInput {
            vace,
            image: inputs.get("encoder_hidden_states_image"),
            observer: Some(&observe),
            ..WanInput::new(
                inputs.require("hidden_states")?,
                &timestep,
                inputs.require("encoder_hidden_states")?,
            )
        };
        let sample = wan.forward(&input)?;
        let loss = (&sample * case.input("grad_probe")?)?.sum_all()?;
        let store = loss.backward()?;
        let mut gradients = BTreeMap::new();
        for param in params.iter() {
            let gradient =
                store.get(param.var()).ok_or(format!("no gradient of `{}`", param.name()))?;
            gradients.insert(param.name().to_owned(), gradient.detach());
        }
        for (name, var) in &inputs.0 {
            let gradient = store.get(var).ok_or(format!("no gradient of input `{name}`"))?;
            gradients.insert(format!("input.{name}"), gradient.detach());
        }
        let mut shown = shown.take();
        shown.insert("sample".to_owned(), sample.detach());
        shown.insert("loss".to_owned(), loss.detach());
        let latent = sample.dims5()?;
        let [t, h, w] = config.patch;
        Ok(Self { shown, gradients, grid: vec![latent.2 / t, latent.3 / h, latent.4 / w] })
    }

    fn output(&self, name: &str) -> Result<Tensor> {
        if let Some(input) = name.strip_prefix("grad.input.") {
            return Ok(self
                .gradients
                .get(&format!("input.{input}"))
                .ok_or("no such input")?
                .clone());
        }
        if let Some(parameter) = name.strip_prefix("grad.param.") {
            return Ok(self.gradient(parameter)?.clone());
        }
        let Some(module) = name.strip_prefix("mid.") else { return self.show(name) };
        if let Some(part) = module.strip_prefix("condition_embedder.") {
            let parts = ["time_embedding", "time_projection", "text_embedding", "img_emb"];
            return self.show(parts[part.parse::<usize>()?]);
        }
        if module.ends_with("patch_embedding") {
            let tokens = self.show(module)?;
            let (b, _, d) = tokens.dims3()?;
            let shape = [vec![b, d], self.grid.clone()].concat();
            return Ok(tokens.transpose(1, 2)?.reshape(shape)?);
        }
        if module == "norm_out" {
            let x = self.show("head.input")?;
            let ones = Tensor::ones(x.dim(D::Minus1)?, x.dtype(), x.device())?;
            return Ok(ops::layer_norm(&x, &ones, &ones.zeros_like()?, 1e-6)?);
        }
        if let Some(part) = module.strip_prefix("vace_blocks.") {
            let (block, which) = part.split_once('.').ok_or("a VACE block without its part")?;
            let after = if which == "0" { ".after_proj" } else { "" };
            return self.show(&format!("vace_blocks.{block}{after}"));
        }
        self.show(&module.replace("attn1", "self_attn").replace("attn2", "cross_attn"))
    }

    fn show(&self, name: &str) -> Result<Tensor> {
        Ok(self.shown.get(name).ok_or(format!("`{name}` was not shown"))?.clone())
    }

    fn gradient(&self, diffusers: &str) -> Result<&Tensor> {
        let name =
            original_from_diffusers(diffusers).ok_or(format!("foreign name `{diffusers}`"))?;
        Ok(self.gradients.get(&name).ok_or(format!("no parameter `{name}`"))?)
    }
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
            inputs.insert(
                name.to_owned(),
                Var::from_tensor(&case.input(name)?.to_dtype(DType::F32)?)?,
            );
        }
        Ok(Self(inputs))
    }

    fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name).map(Var::as_tensor)
    }

    fn require(&self, name: &str) -> Result<&Tensor> {
        Ok(self.get(name).ok_or(format!("no input `{name}`"))?)
    }
}

/// Weights under the original's names.
fn originals(weights: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let rename = |(name, value): (String, Tensor)| {
        let original = original_from_diffusers(&name).ok_or(format!("foreign name `{name}`"))?;
        Ok((original, value))
    };
    weights.into_iter().map(rename).collect()
}
