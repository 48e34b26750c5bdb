//! What a generator is told beside noise: VACE's control latent made of references (Wan's
//! `vace_encode_frames`, `vace_encode_masks` for a clip of which nothing is given).

use candle_core::{DType, Device, Result, Tensor};
use ffrun_models::{codec::LatentCodec, vace::latents_in_front};

/// Control latents for clips of one geometry.
#[derive(Debug)]
pub(super) struct Conditioning {
    /// The latent of mid-grey, what VACE sees where nothing is given: `[1, C, F, h, w]`, F = 1
    /// where a codec makes the same of every frame.
    grey: Tensor,
    /// Pixels along a latent position: each has spatial² mask channels.
    spatial: usize,
    /// One channel for each position of a frame, `[1, h·w, 1, h, w]`.
    positions: Option<Tensor>,
}

impl Conditioning {
    /// For clips of `frames` frames of `side` pixels, with channels that say where a position lies
    /// or without, on `device`.
    pub(super) fn new(
        codec: &dyn LatentCodec,
        [frames, side]: [usize; 2],
        position_channels: bool,
        device: &Device,
    ) -> Result<Self> {
        // A codec that sees one frame at a time makes the same of all grey ones.
        let frames = if codec.temporal(frames) == frames { 1 } else { frames };
        let grey = Tensor::zeros((1, 3, frames, side, side), DType::F32, &Device::Cpu)?;
        let grey = codec.encode(&grey)?.to_device(device)?;
        let positions = position_channels.then(|| positions(&grey)).transpose()?;
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
        let grey = self.grey.narrow(2, 0, 1)?;
        flags.where_cond(references, &grey.broadcast_as(references.shape())?)
    }

    /// VACE's control latent: the reference in front, then latent frames that are all to be
    /// generated.
    ///
    /// # Shapes
    /// - references: `[B, C, 1, h, w]`
    /// - output: `[B, 2C + s², 1 + frames, h, w]`, s the codec's spatial factor; h·w channels more
    ///   with position channels
    pub(super) fn control(&self, references: &Tensor, frames: usize) -> Result<Tensor> {
        let (b, c, _, h, w) = references.dims5()?;
        let grey = self.grey.broadcast_as((b, c, frames, h, w))?;
        let latents = latents_in_front(std::slice::from_ref(references), [&grey, &grey])?;
        self.masked(&latents, 1)
    }

    /// The control latent of `batch` clips that nothing is given of, not even a reference.
    ///
    /// # Shapes
    /// - output: `[B, …, frames, h, w]`, channels as in [`Conditioning::control`]
    pub(super) fn nothing(&self, batch: usize, frames: usize) -> Result<Tensor> {
        let (_, c, _, h, w) = self.grey.dims5()?;
        let grey = self.grey.broadcast_as((batch, c, frames, h, w))?;
        self.masked(&Tensor::cat(&[&grey, &grey], 1)?, 0)
    }

    /// Latents with mask and positions behind them; the first `kept` frames are given.
    fn masked(&self, latents: &Tensor, kept: usize) -> Result<Tensor> {
        let (b, _, frames, h, w) = latents.dims5()?;
        let (device, mask) = (latents.device(), self.spatial * self.spatial);
        let made = Tensor::ones((b, mask, frames - kept, h, w), DType::F32, device)?;
        let mask = if kept == 0 {
            made
        } else {
            let given = Tensor::zeros((b, mask, kept, h, w), DType::F32, device)?;
            Tensor::cat(&[given, made], 2)?
        };
        let mut parts = vec![latents.clone(), mask];
        if let Some(positions) = &self.positions {
            parts.push(positions.broadcast_as((b, h * w, frames, h, w))?);
        }
        Tensor::cat(&parts, 1)
    }
}

/// A channel for each position of a latent's frame, 1 there and 0 elsewhere.
fn positions(latent: &Tensor) -> Result<Tensor> {
    let (h, w) = (latent.dim(3)?, latent.dim(4)?);
    Tensor::eye(h * w, DType::F32, latent.device())?.reshape((1, h * w, 1, h, w))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use ffrun_models::{
        codec::LatentCodec,
        params::Params,
        stream::Stream,
        vace::{Source, control_latent},
        vae::{VaeConfig, WanVae},
    };

    use super::Conditioning;

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        let difference = (a - b).unwrap().abs().unwrap();
        difference.max_all().unwrap().to_scalar().unwrap()
    }

    /// [`control_latent`] is held to the goldens of VACE's pipeline.
    #[test]
    fn the_control_latent_of_a_public_checkpoint_is_vaces() {
        let config = VaeConfig {
            base_dim: 4,
            z_dim: 2,
            mean: vec![0.5, -0.5],
            std: vec![2.0, 0.5],
            ..VaeConfig::wan2_1()
        };
        let vae = WanVae::new(&config, &mut Params::frozen(&Device::Cpu), 1).unwrap();
        let (frames, side) = (9, 16);
        let mut stream = Stream::new(1, "reference", 0);
        let reference = stream.normal_tensor((1, 3, side, side), 0.5, &Device::Cpu).unwrap();
        let nothing = Source::Nothing { batch: 1, frames, height: side, width: side };
        let expected =
            control_latent(&vae, &nothing, std::slice::from_ref(&reference), &Device::Cpu);
        let ours = Conditioning::new(&vae, [frames, side], false, &Device::Cpu).unwrap();
        let latent = vae.encode(&reference.unsqueeze(2).unwrap()).unwrap();
        let found = ours.control(&latent, vae.temporal(frames)).unwrap();
        let expected = expected.unwrap();
        assert_eq!(found.dims(), [1, 2 * 2 + 64, 1 + 3, 2, 2]);
        assert_eq!(largest_difference(&found, &expected), 0.0);
        let expected = control_latent(&vae, &nothing, &[], &Device::Cpu).unwrap();
        let found = ours.nothing(1, vae.temporal(frames)).unwrap();
        assert_eq!(largest_difference(&found, &expected), 0.0);
        // Without a person, guidance sees a grey picture where the reference was.
        let grey = ours.references(&latent, &[false]).unwrap();
        let picture = reference.zeros_like().unwrap().unsqueeze(2).unwrap();
        let expected = vae.encode(&picture).unwrap();
        assert!(largest_difference(&grey, &expected) < 1e-6);
    }
}
