//! Goldens of ConsisID's face modules. The network around them is CogVideoX, which ffrun has not:
//! what the case stores of its blocks is left unread, but as inputs of the cross-attentions.

use candle_core::Tensor;
use ffrun_models::baselines::{Face, FaceInput, FaceSpec};
use ffrun_models::params::{Param, Params};

use super::case::Case;
use super::check::Check;
use super::wan_config::size;
use super::{Kind, Result};

/// `LocalFacialExtractor` and `PerceiverCrossAttention`.
pub(super) const KIND: Kind =
    Kind { name: "ConsisID", recognises: |case| case.has("/config", "LFE_depth"), run };

fn run(case: &Case) -> Result<Vec<Check>> {
    let face = face(case)?;
    let mut layers = vec![];
    while case.has("/inputs", &format!("vit_hidden{}", layers.len())) {
        layers.push(case.input(&format!("vit_hidden{}", layers.len()))?);
    }
    let input = FaceInput { id: case.input("id_cond")?, layers };
    let mut watched: Vec<Tensor> = vec![];
    let tokens = face.tokens_watched(&input, &mut |read| watched.push(read.clone()))?;
    let mut checks = case.check("mid.face_tokens", &tokens)?;
    for (at, read) in watched.iter().enumerate() {
        let name = format!("mid.perceiver{at}");
        if case.has("/outputs", &name) {
            checks.extend(case.check(&name, read)?);
        }
    }
    for at in 0..size(case, "num_layers")? / size(case, "cross_attn_interval")? {
        let name = format!("mid.face_cross{at}");
        let x = case.stored(&format!("out.{name}.input"))?;
        checks.extend(case.check(&name, &face.read(at, &tokens, x)?)?);
    }
    Ok(checks)
}

/// The modules with the case's weights.
fn face(case: &Case) -> Result<Face> {
    let spec = FaceSpec {
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
    };
    let dim = size(case, "num_attention_heads")? * size(case, "attention_head_dim")?;
    let mut params = Params::new(&candle_core::Device::Cpu);
    let face = Face::new(spec, (dim, size(case, "num_layers")?), &mut params, 0)?;
    let mut weights = case.weights()?;
    weights.retain(|name, _| params.get(name).is_some());
    let names: Vec<&str> = params.iter().map(Param::name).collect();
    if let Some(missing) = names.iter().find(|name| !weights.contains_key(**name)) {
        return Err(format!("the case has no `{missing}`").into());
    }
    params.load(&weights)?;
    Ok(face)
}
