//! Encoder, decoder and the normalisation of the latent between them.

use candle_core::{Device, Result, Tensor, bail};

use super::config::VaeConfig;
use super::decoder::Decoder;
use super::encoder::{Encoder, RGB};
use super::history::History;
use super::layers::Pointwise;
use crate::codec::LatentCodec;
use crate::error::ModelResult;
use crate::params::Params;

/// In what pieces a film goes through. The results agree to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pass {
    /// One latent frame at a time, with a few frames remembered in each layer: memory does not
    /// grow with the film.
    #[default]
    Streamed,
    /// All frames at once: faster for small pictures.
    Whole,
}

/// The autoencoder of Wan 2.1, under the authors' parameter names.
#[derive(Clone, Debug)]
pub struct WanVae {
    config: VaeConfig,
    encoder: Encoder,
    conv1: Pointwise,
    conv2: Pointwise,
    decoder: Decoder,
}

impl WanVae {
    /// Declares all parameters with torch's initial values from `seed`. On
    /// [`Params::frozen`] nothing is recorded for a backward pass.
    pub fn new(config: &VaeConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        config.check()?;
        let z = config.z_dim;
        Ok(Self {
            config: config.clone(),
            encoder: Encoder::new(config, params, seed)?,
            conv1: Pointwise::new(params, "conv1", (2 * z, 2 * z), seed)?,
            conv2: Pointwise::new(params, "conv2", (z, z), seed)?,
            decoder: Decoder::new(config, params, seed)?,
        })
    }

    /// The sizes.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// Means and log-variances of the latent, before normalisation.
    ///
    /// # Shapes
    /// - video: `[B, 3, T, H, W]`, RGB in [−1, 1]; T = 1 + 4n, H and W multiples of 8 (as the
    ///   configuration's steps have it)
    /// - output: `[B, 2Z, 1 + n, H/8, W/8]`
    pub fn moments(&self, video: &Tensor, pass: Pass) -> Result<Tensor> {
        self.check_video(video)?;
        let film = video.transpose(1, 2)?.contiguous()?;
        let mut history = History::default();
        let encode =
            |piece: &Tensor| self.conv1.forward(&self.encoder.forward(piece, &mut history)?);
        let step = self.config.temporal();
        in_pieces(&film, pass, step, encode)?.transpose(1, 2)?.contiguous()
    }

    /// The normalised latent: the mean, without sampling, as Wan uses it.
    ///
    /// # Shapes
    /// - video: as for [`moments`](Self::moments)
    /// - output: `[B, Z, F, h, w]`
    pub fn encode_in(&self, video: &Tensor, pass: Pass) -> Result<Tensor> {
        let mu = self.moments(video, pass)?.narrow(1, 0, self.config.z_dim)?;
        let [mean, std] = self.statistics(video.device())?;
        mu.broadcast_sub(&mean)?.broadcast_div(&std)
    }

    /// The video of a normalised latent, clamped to [−1, 1].
    ///
    /// # Shapes
    /// - latent: `[B, Z, F, h, w]`
    /// - output: `[B, 3, 1 + 4(F − 1), 8h, 8w]`
    pub fn decode_in(&self, latent: &Tensor, pass: Pass) -> Result<Tensor> {
        let z = self.config.z_dim;
        if latent.rank() != 5 || latent.dim(1)? != z || latent.elem_count() == 0 {
            bail!("expected a latent [B, {z}, F, h, w], found {:?}", latent.shape());
        }
        let [mean, std] = self.statistics(latent.device())?;
        let z_bczhw = latent.broadcast_mul(&std)?.broadcast_add(&mean)?;
        let film = self.conv2.forward(&z_bczhw.transpose(1, 2)?.contiguous()?)?;
        let mut history = History::default();
        let decode = |piece: &Tensor| self.decoder.forward(piece, &mut history);
        in_pieces(&film, pass, 1, decode)?.transpose(1, 2)?.contiguous()?.clamp(-1f32, 1f32)
    }

    fn statistics(&self, device: &Device) -> Result<[Tensor; 2]> {
        let column =
            |values: &[f32]| Tensor::from_vec(values.to_vec(), (1, values.len(), 1, 1, 1), device);
        Ok([column(&self.config.mean)?, column(&self.config.std)?])
    }

    fn check_video(&self, video: &Tensor) -> Result<()> {
        let (space, time) = (self.config.spatial(), self.config.temporal());
        let fits = match *video.dims() {
            [b, c, t, h, w] => {
                let sides = [h, w].iter().all(|side| *side > 0 && side.is_multiple_of(space));
                b > 0 && c == RGB && t % time == 1 % time && t > 0 && sides
            }
            _ => false,
        };
        if !fits {
            bail!(
                "expected a video [B, 3, T, H, W] of 1 + {time}n frames whose sides are multiples \
                 of {space} pixels, found {:?}",
                video.shape()
            );
        }
        Ok(())
    }
}

/// `work` on the whole of `[B, T, …]`, or on its first frame and then `step` frames at a time.
fn in_pieces(
    film: &Tensor,
    pass: Pass,
    step: usize,
    mut work: impl FnMut(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if pass == Pass::Whole {
        return work(film);
    }
    let frames = film.dim(1)?;
    let mut pieces = vec![work(&film.narrow(1, 0, 1)?)?];
    for start in (1..frames).step_by(step) {
        pieces.push(work(&film.narrow(1, start, step.min(frames - start))?)?);
    }
    Tensor::cat(&pieces, 1)
}

impl LatentCodec for WanVae {
    fn encode(&self, video: &Tensor) -> Result<Tensor> {
        self.encode_in(video, Pass::Streamed)
    }

    fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        self.decode_in(latent, Pass::Streamed)
    }

    fn latent_channels(&self) -> usize {
        self.config.z_dim
    }

    fn spatial(&self) -> usize {
        self.config.spatial()
    }

    fn temporal(&self, frames: usize) -> usize {
        frames.div_ceil(self.config.temporal())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{LatentCodec, Pass, VaeConfig, WanVae};
    use crate::params::Params;
    use crate::stream::Stream;
    use crate::vae::history::History;

    fn small() -> (WanVae, Params) {
        let config = VaeConfig {
            base_dim: 4,
            z_dim: 2,
            mean: vec![0.5, -0.5],
            std: vec![2.0, 0.5],
            ..VaeConfig::wan2_1()
        };
        let mut params = Params::frozen(&Device::Cpu);
        (WanVae::new(&config, &mut params, 1).unwrap(), params)
    }

    fn normal(shape: &[usize]) -> Tensor {
        Stream::new(2, "test", 0).normal_tensor(shape, 0.5, &Device::Cpu).unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        let difference = (a - b).unwrap().abs().unwrap();
        difference.max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn streamed_and_whole_passes_agree() {
        let (vae, _) = small();
        for frames in [1, 5, 13] {
            let video = normal(&[2, 3, frames, 16, 24]);
            let [streamed, whole] =
                [Pass::Streamed, Pass::Whole].map(|pass| vae.encode_in(&video, pass).unwrap());
            assert_eq!(streamed.dims(), [2, 2, vae.temporal(frames), 2, 3]);
            assert!(largest_difference(&streamed, &whole) < 1e-6);
            let [streamed, whole] =
                [Pass::Streamed, Pass::Whole].map(|pass| vae.decode_in(&whole, pass).unwrap());
            assert_eq!(streamed.dims(), video.dims());
            assert!(largest_difference(&streamed, &whole) < 1e-6);
        }
    }

    #[test]
    fn no_frame_sees_later_ones() {
        let (vae, _) = small();
        let video = normal(&[1, 3, 9, 8, 8]);
        let changed = Tensor::cat(
            &[&video.narrow(2, 0, 5).unwrap(), &video.narrow(2, 5, 4).unwrap().neg().unwrap()],
            2,
        );
        let latent = |video: &Tensor| vae.encode_in(video, Pass::Whole).unwrap();
        let (before, after) = (latent(&video), latent(&changed.unwrap()));
        let at = |latent: &Tensor, frame| latent.narrow(2, frame, 1).unwrap();
        assert_eq!(largest_difference(&at(&before, 1), &at(&after, 1)), 0.0);
        assert!(largest_difference(&at(&before, 2), &at(&after, 2)) > 0.0);
    }

    #[test]
    fn as_many_layers_look_back_as_in_the_authors_code() {
        let (vae, _) = small();
        let mut history = History::default();
        vae.encoder.forward(&normal(&[1, 1, 3, 8, 8]), &mut history).unwrap();
        assert_eq!(history.len(), 24);
        let mut history = History::default();
        vae.decoder.forward(&normal(&[1, 1, 2, 1, 1]), &mut history).unwrap();
        assert_eq!(history.len(), 32);
    }

    #[test]
    fn videos_that_do_not_fit_are_refused() {
        let (vae, _) = small();
        for shape in [[1, 3, 4, 8, 8], [1, 3, 0, 8, 8], [1, 1, 1, 8, 8], [1, 3, 1, 8, 12]] {
            let text =
                vae.encode(&Tensor::zeros(&shape, candle_core::DType::F32, &Device::Cpu).unwrap());
            let text = text.unwrap_err().to_string();
            assert!(
                text.contains(&format!("{shape:?}")) && text.contains("1 + 4n frames"),
                "{text}"
            );
        }
        let text = vae.decode(&normal(&[1, 3, 1, 1, 1])).unwrap_err().to_string();
        assert!(text.contains("[B, 2, F, h, w]"), "{text}");
    }
}
