//! What a mechanism is told of the people of a batch.

use candle_core::{Result as TensorResult, Tensor};
use ffrun_models::{
    baselines::{Identity, ReferencePictures, Told},
    codec::LatentCodec,
};

use super::network::Conditioned;
use crate::{
    engine::work::StageError,
    stages::{conditioning::Conditioning, tensor_error},
};

/// The people of a batch, one reference each.
pub(in crate::stages) struct Person<'a> {
    /// Their pictures, `[B, 3, S, S]` in [−1, 1].
    pub(in crate::stages) pictures: &'a Tensor,
    /// The same encoded, `[B, C, 1, h, w]`.
    pub(in crate::stages) latents: &'a Tensor,
    /// S, `[B, D]`.
    pub(in crate::stages) shared: Option<Tensor>,
}

/// What clips of one geometry are encoded and conditioned by.
#[derive(Clone, Copy)]
pub(in crate::stages) struct Scene<'a> {
    pub(in crate::stages) codec: &'a dyn LatentCodec,
    pub(in crate::stages) conditioning: &'a Conditioning,
    /// Frames of a clip, and of its latent.
    pub(in crate::stages) frames: [usize; 2],
}

impl Conditioned {
    /// Whether the noisy latent has a frame in front for the reference.
    pub(in crate::stages) fn keeps_reference_frame(&self) -> bool {
        self.method.mechanism().control.is_some_and(|control| control.references)
    }

    /// People as the mechanism wants to be told of them; those not `told` without content.
    pub(in crate::stages) fn identity(
        &self,
        scene: Scene,
        person: &Person,
        told: &[bool],
    ) -> Result<Identity, StageError> {
        let mechanism = self.method.mechanism();
        let encoders = self.encoders.as_ref();
        let image = mechanism.image.and(encoders).map(|encoders| encoders.image(person.pictures));
        let face = mechanism.face.and(encoders).map(|encoders| encoders.face(person.pictures));
        let (image, face) = (image.transpose()?, face.transpose()?);
        let tell = || -> TensorResult<Identity> {
            let channels = mechanism.channels.map(|channels| {
                let pictures = [person.pictures.clone()];
                let from = ReferencePictures {
                    pictures: &pictures,
                    region: None,
                    frames: scene.frames[0],
                };
                channels.build(scene.codec, &from)
            });
            let references =
                if mechanism.segments.is_empty() { vec![] } else { vec![person.latents.clone()] };
            Identity {
                references,
                control: self.control(scene, person.latents, told)?,
                in_front: usize::from(self.keeps_reference_frame()),
                channels: channels.transpose()?,
                image,
                face,
                shared: person.shared.clone(),
            }
            .only(told)
        };
        tell().map_err(tensor_error)
    }

    /// Everything that the passes of a sampling step are told.
    ///
    /// # Shapes
    /// - prompt, negative: `[B, Lt, Dt]`
    pub(in crate::stages) fn told(
        &self,
        scene: Scene,
        person: &Person,
        [prompt, negative]: [&Tensor; 2],
    ) -> Result<Told, StageError> {
        let people = prompt.dim(0).map_err(tensor_error)?;
        let identity = self.identity(scene, person, &vec![true; people])?;
        let blank = || identity.blank(self.control(scene, person.latents, &vec![false; people])?);
        let blank = blank().map_err(tensor_error)?;
        Ok(Told { prompt: prompt.clone(), negative: negative.clone(), identity, blank })
    }

    /// VACE's control latent, if the mechanism has its branch.
    fn control(
        &self,
        scene: Scene,
        latents: &Tensor,
        told: &[bool],
    ) -> TensorResult<Option<Tensor>> {
        if self.method.mechanism().control.is_none() {
            return Ok(None);
        }
        let ([_, frames], conditioning) = (scene.frames, scene.conditioning);
        let control = if self.keeps_reference_frame() {
            conditioning.control(&conditioning.references(latents, told)?, frames)?
        } else {
            conditioning.nothing(told.len(), frames)?
        };
        Ok(Some(control))
    }
}
