//! The `texts` stage: captions as embeddings, computed once and read by every training.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use ffrun_models::text::{TextEncoder, Words};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    clipset::{self, ClipLabel, read_labels},
    input,
    latentset::{self, half_bytes, rows},
    model_error, spec_of,
    stills::{damaged, missing},
    tensor_error,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::TextSpec,
};

/// Name of the file in a `texts` result.
const FILE: &str = "texts.safetensors";

/// Captions encoded between two words of progress.
const ROUND: usize = 256;

/// Embeds the caption of every clip, and the empty one that guidance compares with.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: TextSpec = spec_of(stage)?;
    let labels = labels(input(work, "captions")?)?;
    let encoder = encoder(&spec, &Device::Cpu)?;
    let captions: Vec<&str> =
        labels.iter().map(|label| label.caption.as_str()).chain([""]).collect();
    let (mut values, mut cut) = (Vec::new(), 0);
    for (round, some) in captions.chunks(ROUND).enumerate() {
        for caption in some {
            let (rows, truncated) = padded(encoder.as_ref(), &spec, caption)?;
            values.extend(half_bytes(&rows).map_err(tensor_error)?);
            cut += usize::from(truncated > 0);
        }
        let done = (round * ROUND + some.len()) as u64;
        let total = captions.len() as u64;
        (work.progress)(Progress { done, total, note: "captions".to_owned() });
    }
    let path = work.out.join(FILE);
    let shape = vec![captions.len(), spec.length, spec.dim];
    let view = TensorView::new(Dtype::F16, shape, &values).map_err(damaged(&path))?;
    let bytes = safetensors::serialize([("rows", view)], None).map_err(damaged(&path))?;
    files::write_atomic(&path, &bytes)?;
    let text = format!("{cut} of {} captions were cut at {} tokens\n", labels.len(), spec.length);
    Ok(files::write_atomic(&work.out.join("cut.txt"), text.as_bytes())?)
}

/// The encoder of a spec.
pub(super) fn encoder(
    spec: &TextSpec,
    device: &Device,
) -> Result<Box<dyn TextEncoder>, StageError> {
    match spec.encoder.as_str() {
        "words" => {
            let words = Words::new(spec.dim, spec.length, device).map_err(model_error)?;
            Ok(Box::new(words))
        }
        other => Err(StageError::Failed(format!(
            "unknown text encoder `{other}`; this ffrun has `words`"
        ))),
    }
}

/// The rows of one caption, zeros below them up to the spec's length; and the tokens cut off.
pub(super) fn padded(
    encoder: &dyn TextEncoder,
    spec: &TextSpec,
    caption: &str,
) -> Result<(Tensor, usize), StageError> {
    let embedding = encoder.encode(caption).map_err(model_error)?;
    let rows = embedding.rows;
    let missing = spec.length.saturating_sub(rows.dim(0).map_err(tensor_error)?);
    let rows = rows.pad_with_zeros(0, 0, missing).map_err(tensor_error)?;
    Ok((rows, embedding.truncated))
}

/// The labels of encoded or whole clips.
fn labels(folder: &Path) -> Result<Vec<ClipLabel>, StageError> {
    for file in [latentset::FILE, clipset::FILE] {
        let path = folder.join(file);
        if let Some(bytes) = files::read_optional(&path)? {
            return read_labels(&bytes, &path);
        }
    }
    Err(missing(&folder.join(latentset::FILE)))
}

/// Embedded captions in memory, f16 until a batch is taken.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// `[N + 1, length, dim]`; the last is the empty caption.
    rows: Tensor,
}

impl Texts {
    /// Reads a `texts` result.
    pub(super) fn read(folder: &Path) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let bytes = files::read_optional(&path)?.ok_or_else(|| missing(&path))?;
        let file = SafeTensors::deserialize(&bytes).map_err(damaged(&path))?;
        let view = file.tensor("rows").map_err(damaged(&path))?;
        let rows = Tensor::from_raw_buffer(view.data(), DType::F16, view.shape(), &Device::Cpu)
            .map_err(tensor_error)?;
        Ok(Self { rows })
    }

    /// The captions of some clips in f32; `None` is the empty one.
    ///
    /// # Shapes
    /// - output: `[B, length, dim]` for B indices
    pub(super) fn of(
        &self,
        clips: &[Option<usize>],
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let empty = self.rows.dim(0)?.saturating_sub(1);
        let indices: Vec<usize> = clips.iter().map(|clip| clip.unwrap_or(empty)).collect();
        rows(&self.rows, &indices, device)
    }
}
