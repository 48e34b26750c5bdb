//! The captions of clips as rows, for sampling.

use candle_core::{Device, Tensor};
use ffrun_models::text::TextEncoder;

use super::{
    clipset::Clips,
    generator::Generator,
    input, tensor_error,
    texts::{self, Texts},
};
use crate::{
    engine::work::{StageError, Work},
    spec::TextSpec,
};

/// Where the rows of captions come from.
pub(super) enum Captions {
    /// An encoder that costs nothing.
    Encoder(Box<dyn TextEncoder>, TextSpec),
    /// A stage that read them before.
    Encoded(Texts),
}

impl Captions {
    pub(super) fn read(
        work: &Work<'_>,
        base: &Generator,
        device: &Device,
    ) -> Result<Self, StageError> {
        match &base.own {
            Some((spec, _)) => Ok(Self::Encoder(texts::encoder(spec, device)?, spec.clone())),
            None => Ok(Self::Encoded(Texts::read(input(work, "texts")?)?)),
        }
    }

    /// The captions of some clips, `None` for the one that guidance pushes away from:
    /// `[B, length, dim]`.
    pub(super) fn of(
        &self,
        asked: &Clips,
        some: &[Option<usize>],
        device: &Device,
    ) -> Result<Tensor, StageError> {
        let (encoder, spec) = match self {
            Self::Encoded(texts) => return texts.of(some, device).map_err(tensor_error),
            Self::Encoder(encoder, spec) => (encoder, spec),
        };
        let rows: Result<Vec<Tensor>, StageError> = some
            .iter()
            .map(|clip| clip.map_or("", |clip| asked.labels[clip].caption.as_str()))
            .map(|caption| texts::padded(encoder.as_ref(), spec, caption).map(|(rows, _)| rows))
            .collect();
        Tensor::stack(&rows?, 0).map_err(tensor_error)
    }
}
