//! The stand-in for the video autoencoder in the cases of the baselines: means of pixels, mixed.

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::codec::LatentCodec;

use super::Result;
use super::case::Case;

/// Means over 8 × 8 pixels, of the first frame alone and then of four at a time, through a matrix
/// from 3 to 16 channels, and normalised where the case says so.
pub(super) struct FakeVae {
    /// `[16, 3]`
    weight: Tensor,
    mean_and_std: Option<(Tensor, Tensor)>,
}

const SIDE: usize = 8;
const FRAMES: usize = 4;

impl FakeVae {
    pub(super) fn new(case: &Case) -> Result<Self> {
        let weights = case.weights()?;
        let get = |name: &str| weights.get(&format!("fakevae.{name}")).cloned();
        let column = |tensor: Tensor| tensor.reshape((1, (), 1, 1, 1));
        let mean_and_std = match (get("mean"), get("std")) {
            (Some(mean), Some(std)) => Some((column(mean)?, column(std)?)),
            _ => None,
        };
        Ok(Self { weight: get("weight").ok_or("no `fakevae.weight`")?, mean_and_std })
    }

    /// Whether a weight is this autoencoder's.
    pub(super) fn owns(name: &str) -> bool {
        name.starts_with("fakevae.")
    }
}

impl LatentCodec for FakeVae {
    fn encode(&self, video: &Tensor) -> TensorResult<Tensor> {
        let (b, c, t, height, width) = video.dims5()?;
        let (h, w) = (height / SIDE, width / SIDE);
        let cells = video.reshape(&[b * c * t, h, SIDE, w, SIDE])?.mean(4)?.mean(2)?;
        let cells = cells.reshape((b, c, t, h, w))?;
        let mut frames = vec![cells.narrow(2, 0, 1)?];
        for start in (1..t).step_by(FRAMES) {
            frames.push(cells.narrow(2, start, FRAMES)?.mean_keepdim(2)?);
        }
        let means = Tensor::cat(&frames, 2)?;
        let f = frames.len();
        let mixed = self.weight.broadcast_matmul(&means.reshape((b, c, f * h * w))?)?;
        let latent = mixed.reshape((b, self.latent_channels(), f, h, w))?;
        match &self.mean_and_std {
            Some((mean, std)) => latent.broadcast_sub(mean)?.broadcast_div(std),
            None => Ok(latent),
        }
    }

    fn decode(&self, _: &Tensor) -> TensorResult<Tensor> {
        candle_core::bail!("the stand-in only encodes")
    }

    fn latent_channels(&self) -> usize {
        self.weight.dims()[0]
    }

    fn spatial(&self) -> usize {
        SIDE
    }

    fn temporal(&self, frames: usize) -> usize {
        1 + frames.saturating_sub(1) / FRAMES
    }
}

/// A picture `[H, W, 3]` of 8-bit values as `[1, 3, H, W]` in [−1, 1].
pub(super) fn in_units(picture: &Tensor) -> Result<Tensor> {
    let chw = picture.to_device(&Device::Cpu)?.permute((2, 0, 1))?.contiguous()?.unsqueeze(0)?;
    Ok((chw.to_dtype(candle_core::DType::F32)?.affine(1.0 / 255.0, -0.5)? / 0.5)?)
}
