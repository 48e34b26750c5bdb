//! A codec with the device that it computes on, for callers who compute elsewhere.

use candle_core::{Device, Result, Tensor};
use ffrun_models::codec::LatentCodec;

/// Brings what is coded to the codec's device, and back to where it came from.
pub(super) struct CodecOn {
    codec: Box<dyn LatentCodec>,
    device: Device,
}

impl CodecOn {
    /// A codec whose parameters lie on `device`.
    pub(super) fn new(codec: Box<dyn LatentCodec>, device: &Device) -> Self {
        Self { codec, device: device.clone() }
    }
}

impl LatentCodec for CodecOn {
    fn encode(&self, video: &Tensor) -> Result<Tensor> {
        self.codec.encode(&video.to_device(&self.device)?)?.to_device(video.device())
    }

    fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        self.codec.decode(&latent.to_device(&self.device)?)?.to_device(latent.device())
    }

    fn latent_channels(&self) -> usize {
        self.codec.latent_channels()
    }

    fn spatial(&self) -> usize {
        self.codec.spatial()
    }

    fn temporal(&self, frames: usize) -> usize {
        self.codec.temporal(frames)
    }
}
