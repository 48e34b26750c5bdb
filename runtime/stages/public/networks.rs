//! The networks of a public checkpoint, loaded.

use candle_core::{DType, Device};
use ffrun_models::{
    lora::Lora,
    params::Params,
    vae::WanVae,
    wan::Wan,
    weights::{Family, LoraWeights, load_into},
};

use super::{
    record::Record,
    sizes::{autoencoder_config, transformer_config},
    weight_error,
};
use crate::{engine::work::StageError, stages::model_error};

/// The transformer, its matrices in the checkpoint's type, with the LoRA merged if there is one.
pub(in crate::stages) fn transformer(
    record: &Record,
    device: &Device,
) -> Result<(Wan, Params), StageError> {
    let mut params = Params::frozen_in(matrices(&record.spec.dtype)?, device);
    let config = transformer_config(&record.spec.transformer);
    let wan = Wan::blank(&config, &mut params).map_err(model_error)?;
    let files = record.weights("transformer")?;
    let files = files.in_original_names(Family::Wan).map_err(weight_error)?;
    load_into(&params, &files, &[]).map_err(weight_error)?;
    merge_lora(record, &params)?;
    Ok((wan, params))
}

/// The autoencoder, in f32 on any device: it is small, and its pictures show what it loses.
pub(in crate::stages) fn autoencoder(
    record: &Record,
    device: &Device,
) -> Result<WanVae, StageError> {
    let sizes = &record.spec.autoencoder;
    let mut params = Params::frozen(device);
    let vae = WanVae::new(&autoencoder_config(sizes), &mut params, 0).map_err(model_error)?;
    let files = record.weights("vae")?;
    let family = Family::Vae { res_blocks: sizes.res_blocks };
    let files = files.in_original_names(family).map_err(weight_error)?;
    load_into(&params, &files, &[]).map_err(weight_error)?;
    Ok(vae)
}

/// The type of a spec's matrices.
pub(super) fn matrices(dtype: &str) -> Result<DType, StageError> {
    match dtype {
        "f32" => Ok(DType::F32),
        "bf16" => Ok(DType::BF16),
        "f16" => Ok(DType::F16),
        other => Err(StageError::Failed(format!(
            "unknown element type `{other}`; this ffrun has f32, bf16 and f16"
        ))),
    }
}

/// Adds the LoRA of the checkpoint to the weights of its transformer.
fn merge_lora(record: &Record, params: &Params) -> Result<(), StageError> {
    let Some(path) = record.file("lora")? else { return Ok(()) };
    let device = params.device();
    let weights = LoraWeights::read(&path, device).map_err(weight_error)?;
    let unfit = |error: ffrun_models::error::ModelError| {
        StageError::Environment(format!(
            "the LoRA in `{}` does not fit the transformer: {error}; take one that was tuned on \
             this checkpoint",
            path.display()
        ))
    };
    let mut adapters = Params::frozen(device);
    let lora = Lora::new(&weights.groups(), params, &mut adapters, 0).map_err(unfit)?;
    adapters.load(&weights.to_map()).map_err(unfit)?;
    lora.merge_into(params).map_err(unfit)
}
