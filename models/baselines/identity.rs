//! What the generator is told of a person.

use candle_core::{Result, Tensor};

use super::channels::ReferencePictures;
use super::face::FaceInput;
use super::mechanism::Mechanism;
use crate::codec::LatentCodec;
use crate::vace::{Source, control_latent};

/// A person, in the forms that mechanisms ask for. Parts that a mechanism has no use for are left
/// unread.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The references' latents, `[B, C, 1, h, w]` each, for segments.
    pub references: Vec<Tensor>,
    /// VACE's control latent, `[B, Cv, R + F, h, w]`.
    pub control: Option<Tensor>,
    /// Frames R at the front of the noisy latent that hold the control latent's references.
    pub in_front: usize,
    /// Input channels, `[B, Cc, F, h, w]`.
    pub channels: Option<Tensor>,
    /// An image encoder's tokens, `[B, Li, Di]`; those of several references one after the other.
    pub image: Option<Tensor>,
    /// What the face modules read.
    pub face: Option<FaceInput>,
    /// S, `[B, Ds]`.
    pub shared: Option<Tensor>,
}

/// What an [`Identity`] is made from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// Pictures of the person and the length of the video.
    pub pictures: ReferencePictures<'a>,
    /// An image encoder's tokens of the pictures.
    pub image: Option<Tensor>,
    /// The face vector and the image encoder's layers.
    pub face: Option<FaceInput>,
    /// S.
    pub shared: Option<Tensor>,
}

impl Identity {
    /// The person as the mechanism wants to be told: references encoded one by one as videos of one
    /// frame, control latent and input channels where it has them.
    ///
    /// # Errors
    /// When there is no reference, or as [`super::ChannelsSpec::build`].
    pub fn new(mechanism: &Mechanism, codec: &dyn LatentCodec, sources: &Sources) -> Result<Self> {
        let pictures = sources.pictures.pictures;
        let Some(first) = pictures.first() else {
            candle_core::bail!("a person is told by at least one reference picture")
        };
        let of_frame = |picture: &Tensor| codec.encode(&picture.unsqueeze(2)?);
        let wanted = if mechanism.segments.is_empty() { &[] } else { pictures };
        let references = wanted.iter().map(of_frame).collect::<Result<_>>()?;
        let in_front = mechanism.control.filter(|control| control.references);
        let in_front = in_front.map_or(&[][..], |_| pictures);
        let (batch, _, height, width) = first.dims4()?;
        let source = Source::Nothing { batch, frames: sources.pictures.frames, height, width };
        let control = mechanism
            .control
            .map(|_| control_latent(codec, &source, in_front, first.device()))
            .transpose()?;
        let channels = mechanism.channels;
        let channels = channels.map(|channels| channels.build(codec, &sources.pictures));
        Ok(Self {
            references,
            control,
            in_front: in_front.len(),
            channels: channels.transpose()?,
            image: sources.image.clone(),
            face: sources.face.clone(),
            shared: sources.shared.clone(),
        })
    }

    /// The same tensors without content: all zeros, as Phantom's negative pass has its references.
    /// VACE's control latent of nothing is not zero; give it as `control`.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn blank(&self, control: Option<Tensor>) -> Result<Self> {
        let zeros = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::zeros_like).transpose();
        let all = |tensors: &[Tensor]| -> Result<Vec<Tensor>> {
            tensors.iter().map(Tensor::zeros_like).collect()
        };
        let face = self.face.as_ref().map(|FaceInput { id, layers }| {
            Ok::<_, candle_core::Error>(FaceInput { id: id.zeros_like()?, layers: all(layers)? })
        });
        Ok(Self {
            references: all(&self.references)?,
            control: control.or(zeros(&self.control)?),
            in_front: self.in_front,
            channels: zeros(&self.channels)?,
            image: zeros(&self.image)?,
            face: face.transpose()?,
            shared: zeros(&self.shared)?,
        })
    }

    /// The same with the content of those of the batch taken away that are not `told`, as
    /// [`Identity::blank`] takes it from all: what a training step drops, so that guidance has
    /// something to pull away from. The control latent, whose blank is not zero, stays.
    ///
    /// # Errors
    /// When the flags are not as many as the batch.
    pub fn only(&self, told: &[bool]) -> Result<Self> {
        let kept = |tensor: &Tensor| {
            let flags: Vec<f32> = told.iter().map(|&told| f32::from(u8::from(told))).collect();
            let mut shape = vec![1; tensor.rank()];
            shape[0] = flags.len();
            let flags = Tensor::from_vec(flags, shape, tensor.device())?;
            tensor.broadcast_mul(&flags.to_dtype(tensor.dtype())?)
        };
        let one = |tensor: &Option<Tensor>| tensor.as_ref().map(kept).transpose();
        let all = |tensors: &[Tensor]| tensors.iter().map(kept).collect::<Result<Vec<_>>>();
        let face = self.face.as_ref().map(|FaceInput { id, layers }| {
            Ok::<_, candle_core::Error>(FaceInput { id: kept(id)?, layers: all(layers)? })
        });
        Ok(Self {
            references: all(&self.references)?,
            control: self.control.clone(),
            in_front: self.in_front,
            channels: one(&self.channels)?,
            image: one(&self.image)?,
            face: face.transpose()?,
            shared: one(&self.shared)?,
        })
    }

    /// Nothing of the person but what a network built for it cannot go without.
    pub(super) fn absent(&self) -> Result<Self> {
        let blank = self.blank(None)?;
        Ok(Self { channels: blank.channels, image: blank.image, ..Self::default() })
    }
}
