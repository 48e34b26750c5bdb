//! The evaluators that ship with ffrun, and the calls that measure frames with them.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use candle_core::{D, Device, Result as TensorResult, Tensor};

use super::{
    evaluator::Evaluator,
    measuring::{self, Seen},
};
use crate::{
    engine::{stage::Stage, work::StageError},
    stages::tensor_error,
};

/// The files, embedded, by what they measure.
const FILES: [(&str, &[u8]); 4] = [
    ("arcface", include_bytes!("../../../models/evaluators/arcface.safetensors")),
    ("curricularface", include_bytes!("../../../models/evaluators/curricularface.safetensors")),
    ("pose", include_bytes!("../../../models/evaluators/pose.safetensors")),
    ("captions", include_bytes!("../../../models/evaluators/captions.safetensors")),
];

/// Which of the two in-world recognisers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// Trained with ArcFace's loss.
    ArcFace,
    /// Trained with CurricularFace's loss.
    CurricularFace,
}

impl Recognition {
    fn name(self) -> &'static str {
        match self {
            Self::ArcFace => "arcface",
            Self::CurricularFace => "curricularface",
        }
    }
}

/// The shipped evaluators of the embedded world, by what they measure. They read whole frames, of
/// any size.
#[derive(Debug)]
pub struct Evaluators(BTreeMap<&'static str, Evaluator>);

impl Evaluators {
    /// Reads the embedded files.
    pub fn shipped(device: &Device) -> Result<Self, StageError> {
        let read = |(name, bytes): &(&'static str, &[u8])| {
            let path = format!("models/evaluators/{name}.safetensors");
            Ok((*name, Evaluator::decode(bytes, Path::new(&path), device)?))
        };
        Ok(Self(FILES.iter().map(read).collect::<Result<_, StageError>>()?))
    }

    /// A digest of the embedded files: part of the key of whatever is measured with them.
    pub fn digest() -> &'static str {
        static DIGEST: LazyLock<String> = LazyLock::new(|| {
            let mut hasher = blake3::Hasher::new();
            for (_, bytes) in FILES {
                hasher.update(bytes);
            }
            hasher.finalize().to_hex().to_string()
        });
        &DIGEST
    }

    /// Refuses a stage that was planned with other evaluators.
    pub(in crate::stages) fn check(stage: &Stage) -> Result<(), StageError> {
        if stage.digests.get("evaluators").map(String::as_str) == Some(Self::digest()) {
            return Ok(());
        }
        Err(StageError::Failed(
            "the experiment was planned with other in-world evaluators than this ffrun ships; plan \
             it again with this ffrun"
                .to_owned(),
        ))
    }

    /// Values of a recogniser's vectors.
    pub(in crate::stages) fn width(&self, by: Recognition) -> Result<usize, StageError> {
        Ok(self.of(by.name())?.spec.embedding)
    }

    /// Unit vectors of frames; the cosine of two says how much they look like one person.
    ///
    /// # Shapes
    /// - frames: N·side²·3 RGB bytes
    /// - output: `[N, D]`, on the host
    pub fn recognise(
        &self,
        by: Recognition,
        frames: &[u8],
        side: usize,
    ) -> Result<Tensor, StageError> {
        measuring::recognise(self.of(by.name())?, frames, side)
    }

    /// Pose and presence in each frame. The pose of a frame without a face means nothing.
    ///
    /// # Shapes
    /// - frames: N·side²·3 RGB bytes
    /// - output: N
    pub fn pose(&self, frames: &[u8], side: usize) -> Result<Vec<Seen>, StageError> {
        measuring::pose(self.of("pose")?, frames, side)
    }

    /// In-world CLIPScore of each frame with its caption: 100·cos, as the field prints it. Every
    /// caption belongs to the same number of consecutive frames.
    ///
    /// # Shapes
    /// - frames: N·side²·3 RGB bytes; captions: M, of which N is a multiple
    /// - output: N
    pub fn clip_score(
        &self,
        frames: &[u8],
        side: usize,
        captions: &[&str],
    ) -> Result<Vec<f32>, StageError> {
        let evaluator = self.of("captions")?;
        let frames = measuring::frames_in_text_space(evaluator, frames, side)?;
        let texts = measuring::captions_in_space(evaluator, captions)?;
        let score = || -> TensorResult<Vec<f32>> {
            let (n, m) = (frames.dim(0)?, texts.dim(0)?);
            if m == 0 || !n.is_multiple_of(m) {
                candle_core::bail!("{n} frames are no whole number of frames for {m} captions");
            }
            let (_, d) = frames.dims2()?;
            let products = frames.reshape((m, n / m, d))?.broadcast_mul(&texts.unsqueeze(1)?)?;
            (products.sum(D::Minus1)? * 100.0)?.flatten_all()?.to_vec1()
        };
        score().map_err(tensor_error)
    }

    /// Features of frames for Fréchet distances: the trunk of the dual encoder, which had to keep
    /// whatever a caption may speak of — person, hair, clothes, place, light, movement. A
    /// recogniser's would be blind to all but the person, which is what it is trained to be.
    ///
    /// # Shapes
    /// - frames: N·side²·3 RGB bytes
    /// - output: `[N, D]`, on the host
    pub fn features(&self, frames: &[u8], side: usize) -> Result<Tensor, StageError> {
        measuring::features(self.of("captions")?, frames, side)
    }

    /// The one that measures this.
    pub(in crate::stages) fn of(&self, measures: &str) -> Result<&Evaluator, StageError> {
        self.0.get(measures).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().copied().collect();
            StageError::Failed(format!(
                "no in-world evaluator of `{measures}` is shipped; there is {}",
                known.join(", ")
            ))
        })
    }
}
