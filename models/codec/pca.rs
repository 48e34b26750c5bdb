//! A linear codec: the principal components of square RGB patches, frame by frame.
//!
//! The codec of the embedded world. It needs no training, and what it keeps is known: the
//! components in the order of their variance.

use candle_core::{Result, Tensor, bail};

use super::LatentCodec;
use super::patches::{cut, join};
use crate::error::{ModelError, ModelResult};
use crate::ops;

/// Channels of a picture.
pub(super) const RGB: usize = 3;

/// The settings of a [`PcaCodec`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PcaConfig {
    /// Side p of a patch in pixels.
    pub patch_px: usize,
    /// Components kept, C: 1..=3p².
    pub channels: usize,
    /// How far the channels' deviations are made alike, 0..=1. At 0 coarse structure has almost
    /// all the variance of the latent, at 1 every channel has the same. The mean variance of the
    /// channels is 1 in any case.
    pub whiten: f32,
}

impl PcaConfig {
    /// Values of a patch, 3p².
    pub(super) fn patch_values(&self) -> usize {
        RGB * self.patch_px * self.patch_px
    }

    /// Fails unless a codec can be made so.
    pub(super) fn check(&self) -> ModelResult<()> {
        let bad = |setting, got: String, expected: String| {
            Err(ModelError::BadSetting { setting, got, expected })
        };
        let values = self.patch_values();
        if self.patch_px == 0 {
            return bad("patch_px", "0".into(), "must be at least 1".into());
        }
        if !(1..=values).contains(&self.channels) {
            let expected = format!("must be from 1 to {values}, the values of a patch");
            return bad("channels", self.channels.to_string(), expected);
        }
        if !(0.0..=1.0).contains(&self.whiten) {
            return bad("whiten", self.whiten.to_string(), "must be from 0 to 1".into());
        }
        Ok(())
    }
}

/// latent = S·V·(patch − mean), with the components in the rows of V and S diagonal.
#[derive(Clone, Debug)]
pub struct PcaCodec {
    pub(super) config: PcaConfig,
    /// V `[C, 3p²]`, rows of length 1.
    pub(super) basis: Tensor,
    /// `[3p²]`
    pub(super) mean: Tensor,
    /// Standard deviations of the coefficients, `[C]`.
    pub(super) deviation: Tensor,
    encoder: Affine,
    decoder: Affine,
}

/// y = x·Wᵀ + b.
#[derive(Clone, Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

impl PcaCodec {
    /// A codec of fitted parts: `basis` `[C, 3p²]`, `mean` `[3p²]` and `deviation` `[C]`.
    pub(super) fn new(
        config: PcaConfig,
        [basis, mean, deviation]: [&Tensor; 3],
    ) -> ModelResult<Self> {
        config.check()?;
        let scale = scales(&deviation.to_vec1::<f32>()?, config.whiten);
        let inverse: Vec<f32> = scale.iter().map(|scale| 1.0 / scale).collect();
        let device = basis.device();
        let column = |values: Vec<f32>| Tensor::from_vec(values, (config.channels, 1), device);
        let weight = basis.broadcast_mul(&column(scale)?)?;
        let bias = weight.matmul(&mean.unsqueeze(1)?)?.squeeze(1)?.neg()?;
        let back = basis.broadcast_mul(&column(inverse)?)?.t()?.contiguous()?;
        Ok(Self {
            config,
            basis: basis.clone(),
            mean: mean.clone(),
            deviation: deviation.clone(),
            encoder: Affine { weight, bias },
            decoder: Affine { weight: back, bias: mean.clone() },
        })
    }

    /// The settings.
    pub fn config(&self) -> PcaConfig {
        self.config
    }

    /// The same components under another whitening.
    pub fn with_whiten(&self, whiten: f32) -> ModelResult<Self> {
        let config = PcaConfig { whiten, ..self.config };
        Self::new(config, [&self.basis, &self.mean, &self.deviation])
    }
}

impl LatentCodec for PcaCodec {
    fn encode(&self, video: &Tensor) -> Result<Tensor> {
        let (b, c, t, h, w) = video.dims5()?;
        if c != RGB {
            bail!("expected a video [B, 3, T, H, W], found {:?}", video.shape());
        }
        let frames = video.transpose(1, 2)?.reshape((b * t, c, h, w))?;
        let patches = cut(&frames, self.config.patch_px)?;
        let latent = ops::linear(&patches, &self.encoder.weight, Some(&self.encoder.bias))?;
        let (_, rows, columns, channels) = latent.dims4()?;
        latent.reshape((b, t, rows, columns, channels))?.permute((0, 4, 1, 2, 3))?.contiguous()
    }

    fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        let (b, c, t, rows, columns) = latent.dims5()?;
        if c != self.config.channels {
            let channels = self.config.channels;
            bail!("expected a latent [B, {channels}, F, H, W], found {:?}", latent.shape());
        }
        let latent = latent.permute((0, 2, 3, 4, 1))?.reshape((b * t, rows, columns, c))?;
        let patches = ops::linear(&latent, &self.decoder.weight, Some(&self.decoder.bias))?;
        let frames = join(&patches, RGB, self.config.patch_px)?;
        let (_, _, h, w) = frames.dims4()?;
        frames.reshape((b, t, RGB, h, w))?.transpose(1, 2)?.contiguous()?.clamp(-1f32, 1f32)
    }

    fn latent_channels(&self) -> usize {
        self.config.channels
    }

    fn spatial(&self) -> usize {
        self.config.patch_px
    }

    fn temporal(&self, frames: usize) -> usize {
        frames
    }
}

/// The factor of each channel: g / deviation^whiten, with g such that the mean variance is 1.
fn scales(deviation: &[f32], whiten: f32) -> Vec<f32> {
    // A component without variance would be divided by 0; its coefficient is rounding anyway.
    let largest = deviation.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let deviation = deviation.iter().map(|&deviation| deviation.max(1e-4 * largest));
    let whitened: Vec<(f32, f32)> =
        deviation.map(|deviation| (deviation, deviation.powf(-whiten))).collect();
    let variance =
        whitened.iter().map(|(deviation, scale)| (deviation * scale).powi(2)).sum::<f32>();
    let global = (whitened.len() as f32 / variance).sqrt();
    whitened.into_iter().map(|(_, scale)| global * scale).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use candle_core::{Device, Tensor};

    use super::{PcaCodec, PcaConfig};
    use crate::codec::{LatentCodec, PcaFit};
    use crate::stream::Stream;

    /// Smooth pictures, in [−1, 1]: sums of a few waves.
    pub(in crate::codec) fn video(seed: u64) -> Tensor {
        let mut stream = Stream::new(seed, "test/waves", 0);
        let (b, t, side) = (2, 3, 16);
        let mut values = vec![];
        for _ in 0..b * 3 * t {
            let [x, y, phase, level] = [0.4, 0.4, 6.3, 0.4].map(|bound| stream.between(0.0, bound));
            for at in 0..side * side {
                let (row, column) = ((at / side) as f32, (at % side) as f32);
                values.push(level + 0.5 * (x * column + y * row + phase).sin());
            }
        }
        Tensor::from_vec(values, (b, 3, t, side, side), &Device::Cpu).unwrap()
    }

    fn frames(video: &Tensor) -> Tensor {
        let (b, c, t, h, w) = video.dims5().unwrap();
        video.transpose(1, 2).unwrap().reshape((b * t, c, h, w)).unwrap()
    }

    pub(in crate::codec) fn fitted(channels: usize, whiten: f32) -> PcaCodec {
        let mut fit = PcaFit::new(PcaConfig { patch_px: 4, channels, whiten }).unwrap();
        for seed in 0..40 {
            fit.add(&frames(&video(seed))).unwrap();
        }
        fit.finish(&Device::Cpu).unwrap()
    }

    fn mean_square(x: &Tensor) -> f32 {
        x.sqr().unwrap().mean_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn all_components_lose_nothing_and_fewer_lose_more() {
        let video = video(100);
        let error = |channels, whiten| {
            let codec = fitted(channels, whiten);
            let latent = codec.encode(&video).unwrap();
            assert_eq!(latent.dims(), [2, channels, 3, 4, 4]);
            mean_square(&(codec.decode(&latent).unwrap() - &video).unwrap())
        };
        assert!(error(48, 0.0) < 1e-8);
        let (few, more) = (error(4, 0.5), error(12, 0.5));
        assert!(few > 2.0 * more && more > 0.0, "{few} {more}");
    }

    #[test]
    fn whitening_moves_variance_between_channels_and_keeps_the_mean() {
        for whiten in [0.0, 0.5, 1.0] {
            let codec = fitted(6, whiten);
            let mut variance = vec![0.0; 6];
            for seed in 0..40 {
                let latent = codec.encode(&video(seed)).unwrap();
                for (channel, sum) in variance.iter_mut().enumerate() {
                    *sum += mean_square(&latent.narrow(1, channel, 1).unwrap()) / 40.0;
                }
            }
            let mean = variance.iter().sum::<f32>() / 6.0;
            assert!((mean - 1.0).abs() < 1e-3, "whiten {whiten}: {variance:?}");
            let spread = variance[0] / variance[5];
            assert!(if whiten < 1.0 { spread > 2.0 } else { (spread - 1.0).abs() < 1e-2 });
        }
    }
}
