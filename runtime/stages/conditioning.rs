//! What a generator is told beside noise: VACE's control latent made of references (Wan's
//! `vace_encode_frames`, `vace_encode_masks` for a clip of which nothing is given).

use candle_core::{DType, Device, Result, Tensor};
use ffrun_models::{codec::LatentCodec, vace::latents_in_front};

use crate::spec::BaseSpec;

/// Control latents for clips of one geometry.
#[derive(Debug)]
pub(super) struct Conditioning {
    /// The latent of mid-grey, what VACE sees where nothing is given: `[1, C, 1, h, w]`.
    grey: Tensor,
    /// Pixels along a latent position: each has spatial² mask channels.
    spatial: usize,
    /// One channel for each position of a frame, `[1, h·w, 1, h, w]`.
    positions: Option<Tensor>,
}

impl Conditioning {
    /// For the clips of a base, on `device`.
    pub(super) fn new(codec: &dyn LatentCodec, base: &BaseSpec, device: &Device) -> Result<Self> {
        let side = base.size_px;
        let grey = Tensor::zeros((1, 3, 1, side, side), DType::F32, &Device::Cpu)?;
        let grey = codec.encode(&grey)?.to_device(device)?;
        let (h, w) = (grey.dim(3)?, grey.dim(4)?);
        let positions = Tensor::eye(h * w, DType::F32, device)?.reshape((1, h * w, 1, h, w))?;
        let positions = base.generator.position_channels.then_some(positions);
        Ok(Self { grey, spatial: codec.spatial(), positions })
    }

    /// References, those marked absent replaced by grey.
    ///
    /// # Shapes
    /// - references, output: `[B, C, 1, h, w]`
    /// - present: B flags
    pub(super) fn references(&self, references: &Tensor, present: &[bool]) -> Result<Tensor> {
        if present.iter().all(|present| *present) {
            return Ok(references.clone());
        }
        let flags: Vec<u8> = present.iter().map(|&present| u8::from(present)).collect();
        let flags = Tensor::from_vec(flags, (present.len(), 1, 1, 1, 1), references.device())?;
        let flags = flags.broadcast_as(references.shape())?;
        flags.where_cond(references, &self.grey.broadcast_as(references.shape())?)
    }

    /// VACE's control latent: the reference in front, then frames that are all to be generated.
    ///
    /// # Shapes
    /// - references: `[B, C, 1, h, w]`
    /// - output: `[B, 2C + s², 1 + frames, h, w]`, s the codec's spatial factor; h·w channels more
    ///   with position channels
    pub(super) fn control(&self, references: &Tensor, frames: usize) -> Result<Tensor> {
        let (b, c, _, h, w) = references.dims5()?;
        let (device, mask) = (references.device(), self.spatial * self.spatial);
        let grey = self.grey.broadcast_as((b, c, frames, h, w))?;
        let latents = latents_in_front(std::slice::from_ref(references), [&grey, &grey])?;
        let kept = Tensor::zeros((b, mask, 1, h, w), DType::F32, device)?;
        let made = Tensor::ones((b, mask, frames, h, w), DType::F32, device)?;
        let mut parts = vec![latents, Tensor::cat(&[kept, made], 2)?];
        if let Some(positions) = &self.positions {
            parts.push(positions.broadcast_as((b, h * w, 1 + frames, h, w))?);
        }
        Tensor::cat(&parts, 1)
    }
}
