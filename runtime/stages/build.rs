//! From specs to networks: the one place where a spec's names become an aligner.

use std::{collections::BTreeMap, sync::Arc};

use candle_core::{Device, Tensor};
use ffrun_models::{
    aligner::{Aligner, AlignerConfig},
    dictionary::{
        CustomNormalizer, DensePool, Normalizer, Pool, Temperature, builtin_normalizer,
        builtin_pool,
    },
    params::{Group, Params},
    vit::VitConfig,
};

use super::model_error;
use crate::{
    engine::work::StageError,
    script::Closure,
    spec::{AlignerSpec, Choice},
};

/// Name of the learnable logit scale ln(1/τ) among the parameters.
pub const LOGIT_SCALE: &str = "loss.logit_scale";

/// An aligner with its parameters and the learnable logit scale of its loss.
pub struct Built {
    /// The network.
    pub aligner: Aligner,
    /// Its parameters, the logit scale last.
    pub params: Params,
    /// Handle of ln(1/τ).
    pub logit_scale: Tensor,
}

/// Builds the aligner of a spec. `code` holds the closures that the spec names.
pub fn build(
    spec: &AlignerSpec,
    code: &BTreeMap<String, String>,
    mut params: Params,
    (seed, logit_scale): (u64, f64),
) -> Result<Built, StageError> {
    let config = config(spec, code)?;
    let aligner = Aligner::new(config, &mut params, seed).map_err(model_error)?;
    let start = Tensor::new(logit_scale as f32, &Device::Cpu).map_err(super::tensor_error)?;
    let logit_scale = params.add(LOGIT_SCALE, &start, Group::NoDecay).map_err(model_error)?;
    Ok(Built { aligner, params, logit_scale })
}

fn config(
    spec: &AlignerSpec,
    code: &BTreeMap<String, String>,
) -> Result<AlignerConfig, StageError> {
    if spec.tokenizer != "vit" {
        return Err(StageError::Failed(format!(
            "unknown tokenizer `{}`; this ffrun has `vit`",
            spec.tokenizer
        )));
    }
    Ok(AlignerConfig {
        vit: VitConfig {
            image_px: spec.image_px,
            patch_px: spec.patch_px,
            width: spec.width,
            depth: spec.depth,
            heads: spec.heads,
            mlp_ratio: spec.mlp_ratio,
        },
        euler: spec.euler.parse().map_err(model_error)?,
        mixer: spec.mixer.parse().map_err(model_error)?,
        elements: spec.elements,
        pool: pool(&spec.pool, code)?,
        normalizer: normalizer(&spec.normalizer, code)?,
        scale: spec.scale.parse().map_err(model_error)?,
        temperature: Temperature {
            start: spec.temperature,
            decay: spec.temperature_decay,
            floor: spec.temperature_floor,
        },
        dictionary_std: spec.dictionary_std,
        output_norm: spec.output_norm.parse().map_err(model_error)?,
    })
}

fn pool(choice: &Choice, code: &BTreeMap<String, String>) -> Result<Arc<dyn Pool>, StageError> {
    match choice {
        Choice::Builtin(name) => builtin_pool(name).map_err(model_error),
        Choice::Closure { closure } => {
            let closure = compile(closure, code)?;
            Ok(Arc::new(DensePool(move |correlations_blc: &Tensor| {
                closure.tensors(std::slice::from_ref(correlations_blc))
            })))
        }
    }
}

fn normalizer(
    choice: &Choice,
    code: &BTreeMap<String, String>,
) -> Result<Arc<dyn Normalizer>, StageError> {
    match choice {
        Choice::Builtin(name) => builtin_normalizer(name).map_err(model_error),
        Choice::Closure { closure } => {
            let closure = compile(closure, code)?;
            Ok(Arc::new(CustomNormalizer(move |weights_bc: &Tensor| {
                closure.tensors(std::slice::from_ref(weights_bc))
            })))
        }
    }
}

/// The closure that a stage carries in a role.
pub(super) fn compile(role: &str, code: &BTreeMap<String, String>) -> Result<Closure, StageError> {
    let text = code.get(role).ok_or_else(|| {
        StageError::Failed(format!("the stage carries no code for its closure `{role}`"))
    })?;
    Closure::compile(text).map_err(|error| StageError::Failed(format!("closure `{role}`: {error}")))
}
