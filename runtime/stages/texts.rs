//! The `texts` stage: captions as embeddings, computed once and read by every training.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use ffrun_models::text::{TextEmbedding, TextEncoder, Words};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    clipset::{self, ClipLabel, read_labels},
    device, input,
    latentset::{self, half_bytes, rows},
    model_error,
    public::{self, Record},
    spec_of,
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
    let mut spec: TextSpec = spec_of(stage)?;
    let labels = labels(input(work, "captions")?)?;
    let encoder: Box<dyn TextEncoder> = match spec.encoder.as_str() {
        "umt5" => {
            let record = Record::read(input(work, "base")?, work)?;
            Box::new(public::prompts(&record, &spec, &device(&stage.class)?)?)
        }
        _ => encoder(&spec, &Device::Cpu)?,
    };
    let negative = spec.negative.clone().unwrap_or_default();
    let captions: Vec<&str> =
        labels.iter().map(|label| label.caption.as_str()).chain([negative.as_str()]).collect();
    let mut embedded = Vec::with_capacity(captions.len());
    for (at, caption) in captions.iter().enumerate() {
        embedded.push(encoder.encode(caption).map_err(model_error)?);
        if (at + 1) % ROUND == 0 || at + 1 == captions.len() {
            let (done, total) = ((at + 1) as u64, captions.len() as u64);
            (work.progress)(Progress { done, total, note: "captions".to_owned() });
        }
    }
    let cut = check_negative(&embedded, &spec)?;
    let most = spec.length;
    if spec.encoder == "umt5" {
        // The network fills up with zeros: those below the longest caption need not be kept.
        let longest = embedded.iter().filter_map(|text| text.rows.dim(0).ok()).max();
        spec.length = longest.unwrap_or(spec.length);
    }
    let mut values = Vec::new();
    for text in embedded {
        let rows = filled(&text.rows, spec.length)?;
        values.extend(half_bytes(&rows).map_err(tensor_error)?);
    }
    let path = work.out.join(FILE);
    let shape = vec![captions.len(), spec.length, encoder.dim()];
    let view = TensorView::new(Dtype::F16, shape, &values).map_err(damaged(&path))?;
    let bytes = safetensors::serialize([("rows", view)], None).map_err(damaged(&path))?;
    files::write_atomic(&path, &bytes)?;
    let text = format!("{cut} of {} captions were cut at {most} tokens\n", labels.len());
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
    Ok((filled(&embedding.rows, spec.length)?, embedding.truncated))
}

/// Rows with zeros below them up to `length`.
fn filled(rows: &Tensor, length: usize) -> Result<Tensor, StageError> {
    let missing = length.saturating_sub(rows.dim(0).map_err(tensor_error)?);
    rows.pad_with_zeros(0, 0, missing).map_err(tensor_error)
}

/// How many captions were cut. The last text is the negative prompt, which a person wrote for this
/// encoder: it is refused instead.
fn check_negative(embedded: &[TextEmbedding], spec: &TextSpec) -> Result<usize, StageError> {
    let Some((negative, captions)) = embedded.split_last() else { return Ok(0) };
    if negative.truncated > 0 {
        let tokens = spec.length + negative.truncated;
        return Err(StageError::Failed(format!(
            "the prompt in `negative` has {tokens} tokens, but the text encoder reads {}; shorten \
             it",
            spec.length
        )));
    }
    Ok(captions.iter().filter(|text| text.truncated > 0).count())
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
