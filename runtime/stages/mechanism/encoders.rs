//! The networks through which a mechanism sees a reference picture in the embedded world: the
//! in-world evaluators, in place of CLIP and of the face networks of the originals.

use std::sync::OnceLock;

use candle_core::{Device, Tensor};
use ffrun_models::baselines::{FaceInput, Mechanism};

use crate::{
    engine::{stage::Stage, work::StageError},
    stages::{evaluators::Evaluators, tensor_error},
};

/// What the mechanism reads of a picture, ready to be asked. ConsisID and its like are told a face
/// vector of the very recogniser that FaceSim-Arc measures with, as their originals are: read
/// FaceSim-Cur beside it.
#[derive(Debug)]
pub(crate) struct Encoders {
    networks: Evaluators,
}

/// Image tokens of a picture of the shipped dual encoder: 64 px in patches of 16.
pub(in crate::stages) const IMAGE_TOKENS: usize = 16;

/// Sizes of what [`Encoders`] give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncoderSizes {
    /// Side of the pictures they read in pixels.
    pub(crate) picture_px: usize,
    /// Width of an image token.
    pub(crate) image_width: usize,
    /// Layers of image tokens.
    pub(crate) image_layers: usize,
    /// Width of the face vector.
    pub(crate) face_width: usize,
}

impl Encoders {
    /// Whether a mechanism reads anything through them.
    pub(crate) fn serve(mechanism: &Mechanism) -> bool {
        mechanism.image.is_some() || mechanism.face.is_some()
    }

    /// The encoders, if a stage's mechanism reads anything through them.
    ///
    /// # Errors
    /// When the stage was planned with other evaluators than are shipped.
    pub(crate) fn of(
        mechanism: &Mechanism,
        stage: &Stage,
        device: &Device,
    ) -> Result<Option<Self>, StageError> {
        if !Self::serve(mechanism) {
            return Ok(None);
        }
        Evaluators::check(stage)?;
        Ok(Some(Self { networks: Evaluators::shipped(device)? }))
    }

    /// The sizes of the shipped ones.
    ///
    /// # Errors
    /// When an embedded file is damaged.
    pub(crate) fn sizes() -> Result<EncoderSizes, StageError> {
        // A plan of a hundred trials asks a hundred times.
        static SIZES: OnceLock<EncoderSizes> = OnceLock::new();
        if let Some(known) = SIZES.get() {
            return Ok(*known);
        }
        let networks = Evaluators::shipped(&Device::Cpu)?;
        let (image, face) = (networks.of("captions")?, networks.of("arcface")?);
        Ok(*SIZES.get_or_init(|| EncoderSizes {
            picture_px: image.spec.image_px,
            image_width: image.spec.width,
            image_layers: image.spec.depth,
            face_width: face.spec.embedding,
        }))
    }

    /// Tokens of the dual encoder's tower.
    ///
    /// # Shapes
    /// - pictures: `[B, 3, S, S]` in [−1, 1]; output: `[B, L, D]`
    pub(in crate::stages) fn image(&self, pictures: &Tensor) -> Result<Tensor, StageError> {
        let tower = self.networks.of("captions")?.captions()?.tower();
        tower.tokens(pictures).map_err(tensor_error)
    }

    /// The recogniser's unit vector, and the tokens of every layer of the dual encoder's tower.
    ///
    /// # Shapes
    /// - pictures: `[B, 3, S, S]` in [−1, 1]
    pub(in crate::stages) fn face(&self, pictures: &Tensor) -> Result<FaceInput, StageError> {
        let tower = self.networks.of("captions")?.captions()?.tower();
        let recogniser = self.networks.of("arcface")?.recogniser()?;
        let read = || -> candle_core::Result<FaceInput> {
            Ok(FaceInput { id: recogniser.forward(pictures)?, layers: tower.layers(pictures)? })
        };
        read().map_err(tensor_error)
    }
}
