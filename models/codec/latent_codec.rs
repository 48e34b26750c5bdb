//! What every codec between videos and latents offers.

use candle_core::{Result, Tensor};

/// Turns videos into latents and back.
pub trait LatentCodec: Send + Sync {
    /// The latent of a video.
    ///
    /// # Shapes
    /// - video: `[B, 3, T, H, W]`, RGB in [−1, 1]
    /// - output: `[B, C, F, H/s, W/s]`, C [`latent_channels`](Self::latent_channels), F
    ///   [`temporal`](Self::temporal)(T), s [`spatial`](Self::spatial)
    ///
    /// # Errors
    /// When H or W is no multiple of s, or T no number of frames the codec can take.
    fn encode(&self, video: &Tensor) -> Result<Tensor>;

    /// The video of a latent, clamped to [−1, 1].
    ///
    /// # Shapes
    /// - latent: `[B, C, F, h, w]`
    /// - output: `[B, 3, T, h·s, w·s]`
    fn decode(&self, latent: &Tensor) -> Result<Tensor>;

    /// Channels C of the latent.
    fn latent_channels(&self) -> usize;

    /// Pixels along the side of a latent's cell, s.
    fn spatial(&self) -> usize;

    /// Latent frames F of a video of `frames` frames.
    fn temporal(&self, frames: usize) -> usize;
}
