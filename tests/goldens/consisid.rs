//! Goldens of ConsisID: its face modules, alone and in the network they were published in.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use ffrun_models::baselines::{Face, FaceInput, FaceReading, FaceSpec};
use ffrun_models::params::Params;

use super::case::Case;
use super::check::Check;
use super::cogvideox::CogVideoX;
use super::foreign_weights::ForeignWeights;
use super::method_network::{Values, compare, squared_error};
use super::wan_config::size;
use super::{Kind, Result};

/// `ConsisIDTransformer3DModel` with `LocalFacialExtractor` and `PerceiverCrossAttention`.
pub(super) const KIND: Kind =
    Kind { name: "ConsisID", recognises: |case| case.has("/config", "LFE_depth"), run };

fn run(case: &Case) -> Result<Vec<Check>> {
    let (face, own, backbone) = networks(case)?;
    let variable = |name: &str| -> Result<Var> { Ok(Var::from_tensor(&case.input(name)?)?) };
    let mut inputs = vec![("id_cond".to_owned(), variable("id_cond")?)];
    while case.has("/inputs", &format!("vit_hidden{}", inputs.len() - 1)) {
        let name = format!("vit_hidden{}", inputs.len() - 1);
        inputs.push((name.clone(), variable(&name)?));
    }
    let layers = inputs[1..].iter().map(|(_, var)| var.as_tensor().clone()).collect();
    let input = FaceInput { id: inputs[0].1.as_tensor().clone(), layers };
    let mut found = Values::new();
    let mut reads = 0;
    let tokens = face.tokens_watched(&input, &mut |read| {
        found.insert(format!("mid.perceiver{reads}"), read.detach());
        reads += 1;
    })?;
    found.insert("mid.face_tokens".to_owned(), tokens.detach());
    let mut checks = vec![];
    for at in 0..size(case, "num_layers")? / size(case, "cross_attn_interval")? {
        let name = format!("mid.face_cross{at}");
        let stored = case.stored(&format!("out.{name}.input"))?;
        // On the stored tokens, and below on those that our own blocks give.
        checks.extend(case.check(&name, &face.read(at, &tokens, stored)?)?);
    }
    let reading = FaceReading { face, tokens };
    found.extend(shown(case, &backbone, &reading)?);
    let latent = Tensor::cat(&[case.input("noisy")?, case.input("image_latents")?], 2)?;
    let passed = (&latent, &case.input("text")?, case.number("/inputs/timestep/value")?);
    let sample = backbone.forward(passed, &reading, &mut |_, _| ())?;
    let loss = squared_error(&sample, &case.input("target")?)?;
    found.insert("sample".to_owned(), sample.detach());
    let store = loss.backward()?;
    let variables = inputs.iter().map(|(name, var)| (format!("input.{name}"), var));
    let variables = variables.chain(own.iter().map(|at| (at.name().to_owned(), at.var())));
    let variables =
        variables.chain(backbone.weights.iter().map(|(name, var)| (name.to_owned(), var)));
    let mut gradients = Values::new();
    for (name, var) in variables {
        let gradient = store.get(var).ok_or(format!("no gradient of `{name}`"))?;
        gradients.insert(name, gradient.detach());
    }
    let loss = f64::from(loss.to_scalar::<f32>()?);
    checks.extend(compare(case, &found, (loss, &gradients))?);
    Ok(checks)
}

/// What the blocks and the cross-attentions behind them give, and the rotations.
fn shown(case: &Case, backbone: &CogVideoX, reading: &FaceReading) -> Result<Values> {
    let latent = Tensor::cat(&[case.input("noisy")?, case.input("image_latents")?], 2)?;
    let passed = (&latent, &case.input("text")?, case.number("/inputs/timestep/value")?);
    let interval = size(case, "cross_attn_interval")?;
    let mut found = Values::new();
    backbone.forward(passed, reading, &mut |name, value| {
        found.insert(name, value.detach());
    })?;
    for at in 0..backbone.layers.div_ceil(interval) {
        let block = found.get(&format!("mid.block{}.video", at * interval));
        let x = block.ok_or("a block that was not shown")?.clone();
        found.insert(format!("mid.face_cross{at}"), reading.face.read(at, &reading.tokens, &x)?);
        found.insert(format!("mid.face_cross{at}.input"), x);
    }
    let (_, f, _, h, w) = latent.dims5()?;
    let rotary = backbone.rotary([f, h / backbone.patch, w / backbone.patch])?;
    for (name, table) in [("rope_cos", rotary.cos), ("rope_sin", rotary.sin)] {
        let (tokens, pairs) = table.dims2()?;
        let both = table.unsqueeze(2)?.broadcast_as((tokens, pairs, 2))?;
        let both = both.reshape((tokens, 2 * pairs))?;
        found.insert(name.to_owned(), both.to_dtype(DType::F32)?);
    }
    Ok(found)
}

/// The face modules with their parameters, and the backbone with all others.
fn networks(case: &Case) -> Result<(Face, Params, CogVideoX)> {
    let (heads, head_dim) = (size(case, "num_attention_heads")?, size(case, "attention_head_dim")?);
    let layers = size(case, "num_layers")?;
    let mut params = Params::new(&Device::Cpu);
    let face = Face::new(spec(case)?, (heads * head_dim, layers), &mut params, 0)?;
    let weights = case.weights()?;
    let (own, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        weights.into_iter().partition(|(name, _)| params.get(name).is_some());
    params.load(&own)?;
    let weights = ForeignWeights::new(others)?;
    let patch = size(case, "patch_size")?;
    Ok((face, params, CogVideoX { weights, heads, head_dim, layers, patch }))
}

fn spec(case: &Case) -> Result<FaceSpec> {
    Ok(FaceSpec {
        id_dim: size(case, "LFE_id_dim")?,
        vit_dim: size(case, "LFE_vit_dim")?,
        scales: size(case, "LFE_num_scale")?,
        depth: size(case, "LFE_depth")?,
        heads: size(case, "LFE_num_heads")?,
        head_dim: size(case, "LFE_dim_head")?,
        id_tokens: size(case, "LFE_num_id_token")?,
        queries: size(case, "LFE_num_querie")?,
        out_dim: size(case, "LFE_output_dim")?,
        ff_mult: size(case, "LFE_ff_mult")?,
        cross_heads: size(case, "cross_attn_num_heads")?,
        cross_head_dim: size(case, "cross_attn_dim_head")?,
        interval: size(case, "cross_attn_interval")?,
        scale: case.number("/config/local_face_scale")?,
        zero_start: false,
    })
}
