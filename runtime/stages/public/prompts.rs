//! The text encoder of a public checkpoint with its tokenizer.

use candle_core::Device;
use ffrun_models::{
    params::Params,
    umt5::{PromptTokenizer, Umt5, Umt5Prompts},
    weights::{Family, load_into},
};

use super::{networks::matrices, record::Record, sizes::text_encoder_config, weight_error};
use crate::{
    engine::{files, work::StageError},
    spec::TextSpec,
    stages::model_error,
};

/// UMT5 ready to read prompts. Dropping it frees its weights: one stage alone needs it.
pub(in crate::stages) fn prompts(
    record: &Record,
    spec: &TextSpec,
    device: &Device,
) -> Result<Umt5Prompts, StageError> {
    let mut params = Params::frozen_in(matrices(&record.spec.dtype)?, device);
    let config = text_encoder_config(&record.spec.text);
    let umt5 = Umt5::new(&config, &mut params).map_err(model_error)?;
    let files = record.weights("text_encoder")?;
    let files = files.in_original_names(Family::Umt5).map_err(weight_error)?;
    // transformers repeats the embedding under a second name.
    load_into(&params, &files, &["encoder.embed_tokens."]).map_err(weight_error)?;
    let path = record.file("tokenizer")?.unwrap_or_default();
    let json = files::read_optional(&path)?.unwrap_or_default();
    let tokenizer = PromptTokenizer::from_json(&json)
        .map_err(|error| StageError::Environment(format!("`{}`: {error}", path.display())))?;
    Umt5Prompts::new(umt5, &params, tokenizer, spec.length).map_err(model_error)
}
