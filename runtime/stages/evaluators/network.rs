//! The network of an evaluator's spec.

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    error::ModelResult,
    evaluators::{DualEncoder, PoseNet, Recogniser, TextTowerConfig},
    params::Params,
    text::{TextEncoder, Words},
    vit::VitConfig,
};

use crate::{
    engine::work::StageError,
    spec::EvaluatorSpec,
    stages::{model_error, tensor_error},
};

/// Width of a word's row, as the generator's text encoder has it.
const WORD_DIM: usize = 64;
/// Most words of a caption; the longest captions of the embedded world have 55.
const WORDS: usize = 64;

/// A network that measures one thing.
#[derive(Clone, Debug)]
pub(super) enum Network {
    /// Whose face it is.
    Recogniser(Recogniser),
    /// How the head is turned, and whether there is a face.
    Pose(PoseNet),
    /// How well a frame fits a caption.
    Captions(Box<DualEncoder>),
}

impl Network {
    /// Declares the network of a spec with initial values from `seed`.
    pub(super) fn new(
        spec: &EvaluatorSpec,
        params: &mut Params,
        seed: u64,
    ) -> Result<Self, StageError> {
        Self::build(spec, params, seed).map_err(model_error)?.ok_or_else(|| {
            StageError::Failed(format!(
                "unknown evaluator `{}`; this ffrun has arcface, curricularface, pose and captions",
                spec.measures
            ))
        })
    }

    fn build(spec: &EvaluatorSpec, params: &mut Params, seed: u64) -> ModelResult<Option<Self>> {
        let vit = VitConfig {
            image_px: spec.image_px,
            patch_px: spec.patch_px,
            width: spec.width,
            depth: spec.depth,
            heads: spec.heads,
            mlp_ratio: spec.mlp_ratio,
        };
        Ok(Some(match spec.measures.as_str() {
            "arcface" | "curricularface" => {
                Self::Recogniser(Recogniser::new(vit, spec.embedding, params, seed)?)
            }
            "pose" => Self::Pose(PoseNet::new(vit, params, seed)?),
            "captions" => {
                let text = TextTowerConfig {
                    word_dim: WORD_DIM,
                    hidden: spec.text_hidden,
                    embedding: spec.embedding,
                };
                Self::Captions(Box::new(DualEncoder::new(vit, text, params, seed)?))
            }
            _ => return Ok(None),
        }))
    }
}

/// Captions as the text tower reads them: rows of words, and how many words each has.
///
/// # Shapes
/// - output: `[B, L, WORD_DIM]` with L the longest caption, and B lengths
pub(super) fn words(
    captions: &[&str],
    device: &Device,
) -> Result<(Tensor, Vec<usize>), StageError> {
    let encoder = Words::new(WORD_DIM, WORDS, device).map_err(model_error)?;
    let rows: Result<Vec<Tensor>, StageError> = captions
        .iter()
        .map(|caption| Ok(encoder.encode(caption).map_err(model_error)?.rows))
        .collect();
    padded(&rows?).map_err(tensor_error)
}

fn padded(rows: &[Tensor]) -> TensorResult<(Tensor, Vec<usize>)> {
    let lengths = rows.iter().map(|rows| rows.dim(0)).collect::<TensorResult<Vec<_>>>()?;
    let longest = lengths.iter().copied().max().unwrap_or(1);
    let padded = rows.iter().zip(&lengths);
    let padded = padded.map(|(rows, length)| rows.pad_with_zeros(0, 0, longest - length));
    Ok((Tensor::stack(&padded.collect::<TensorResult<Vec<_>>>()?, 0)?, lengths))
}
