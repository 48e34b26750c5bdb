//! The control latent that VACE's branch is fed.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::control_mask;
use crate::codec::LatentCodec;

/// What the video is to be made from, besides reference pictures.
#[derive(Clone, Debug)]
pub enum Source {
    /// Nothing: every pixel is generated, over mid-grey. Reference-to-video.
    Nothing {
        /// Videos in the batch B.
        batch: usize,
        /// Frames T.
        frames: usize,
        /// Rows H in pixels.
        height: usize,
        /// Columns W in pixels.
        width: usize,
    },
    /// A video to keep in part.
    Video {
        /// `[B, 3, T, H, W]`, RGB in [−1, 1].
        video: Tensor,
        /// `[B, 1, T, H, W]`: 1 where pixels are generated, 0 where they are kept (the reverse of
        /// Wan's image-to-video masks).
        mask: Tensor,
    },
}

/// The control latent: inactive latent, reactive latent and mask of the video, with the reference
/// pictures in front in the order given.
///
/// diffusers prepends one reference after the other, so there the *last* comes first: reverse them
/// for its order.
///
/// # Shapes
/// - references: R pictures `[B, 3, H, W]`, RGB in [−1, 1], of the video's size (see
///   [`fit_reference`](super::fit_reference))
/// - output: `[B, 2C + s², R + F, H/s, W/s]`, C, F and s the codec's
pub fn control_latent(
    codec: &dyn LatentCodec,
    source: &Source,
    references: &[Tensor],
    device: &Device,
) -> Result<Tensor> {
    let latents = video_and_reference_latents(codec, source, references, device)?;
    let (mask, frames) = match source {
        Source::Nothing { batch, frames, height, width } => {
            let shape = (*batch, 1, *frames, *height, *width);
            (Tensor::ones(shape, DType::F32, device)?, *frames)
        }
        Source::Video { mask, .. } => (mask.clone(), mask.dim(2)?),
    };
    let mask = control_mask(&mask, codec.temporal(frames), codec.spatial(), references.len())?;
    Tensor::cat(&[&latents, &mask.to_dtype(latents.dtype())?], 1)
}

/// The latent channels of [`control_latent`]: what is kept and what is generated of the video, and
/// in front the references, which are kept whole.
///
/// # Shapes
/// - as [`control_latent`]; output: `[B, 2C, R + F, H/s, W/s]`
pub fn video_and_reference_latents(
    codec: &dyn LatentCodec,
    source: &Source,
    references: &[Tensor],
    device: &Device,
) -> Result<Tensor> {
    let [inactive, reactive] = match source {
        Source::Nothing { batch, frames, height, width } => {
            let grey = Tensor::zeros((*batch, 3, *frames, *height, *width), DType::F32, device)?;
            let latent = codec.encode(&grey)?;
            [latent.clone(), latent] // kept and generated parts are both grey
        }
        Source::Video { video, mask } => {
            check(video, mask)?;
            // The original decides at one half which pixels are kept, and keeps soft values only
            // in the mask channels.
            let generated = mask.gt(0.5)?.to_dtype(video.dtype())?;
            let kept = generated.affine(-1.0, 1.0)?;
            let part = |share: &Tensor| codec.encode(&video.broadcast_mul(share)?);
            [part(&kept)?, part(&generated)?]
        }
    };
    // Each reference alone, as a video of one frame.
    let references: Vec<Tensor> = references
        .iter()
        .map(|reference| codec.encode(&reference.unsqueeze(2)?))
        .collect::<Result<_>>()?;
    latents_in_front(&references, [&inactive, &reactive])
}

/// The latent channels from latents that are already there.
///
/// # Shapes
/// - references: R latents `[B, C, 1, h, w]`; inactive, reactive: `[B, C, F, h, w]`
/// - output: `[B, 2C, R + F, h, w]`
pub fn latents_in_front(
    references: &[Tensor],
    [inactive, reactive]: [&Tensor; 2],
) -> Result<Tensor> {
    let nothing: Vec<Tensor> = references.iter().map(Tensor::zeros_like).collect::<Result<_>>()?;
    let in_front = |frames: &[Tensor], video: &Tensor| {
        let parts: Vec<&Tensor> = frames.iter().chain([video]).collect();
        Tensor::cat(&parts, 2)
    };
    Tensor::cat(&[in_front(references, inactive)?, in_front(&nothing, reactive)?], 1)
}

fn check(video: &Tensor, mask: &Tensor) -> Result<()> {
    let (b, _, t, h, w) = video.dims5()?;
    if mask.dims() == [b, 1, t, h, w] {
        return Ok(());
    }
    bail!("expected a mask of shape {:?}, found {:?}", [b, 1, t, h, w], mask.shape())
}

#[cfg(test)]
mod tests {
    use super::{Source, control_latent};
    use crate::codec::LatentCodec;
    use candle_core::{DType, Device, Result, Tensor};

    /// Means of 4×4 pixels, frame by frame, as three channels.
    struct Means;

    impl LatentCodec for Means {
        fn encode(&self, video: &Tensor) -> Result<Tensor> {
            let (b, c, t, h, w) = video.dims5()?;
            let cells = video.reshape(&[b * c * t, h / 4, 4, w / 4, 4])?;
            cells.mean(4)?.mean(2)?.reshape((b, c, t, h / 4, w / 4))
        }

        fn decode(&self, latent: &Tensor) -> Result<Tensor> {
            Ok(latent.clone())
        }

        fn latent_channels(&self) -> usize {
            3
        }

        fn spatial(&self) -> usize {
            4
        }

        fn temporal(&self, frames: usize) -> usize {
            frames
        }
    }

    fn value(control: &Tensor, channel: usize, frame: usize) -> f32 {
        let place = control.narrow(1, channel, 1).unwrap().narrow(2, frame, 1).unwrap();
        place.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
    }

    #[test]
    fn references_come_first_whole_and_unmasked() {
        let nothing = Source::Nothing { batch: 1, frames: 2, height: 8, width: 12 };
        let reference = |shade: f32| Tensor::full(shade, (1, 3, 8, 12), &Device::Cpu).unwrap();
        let references = [reference(0.25), reference(0.75)];
        let control = control_latent(&Means, &nothing, &references, &Device::Cpu).unwrap();
        assert_eq!(control.dims(), [1, 6 + 16, 4, 2, 3]);
        assert_eq!([0, 1, 2].map(|frame| value(&control, 0, frame)), [0.25, 0.75, 0.0]);
        assert_eq!([0, 1, 2].map(|frame| value(&control, 3, frame)), [0.0, 0.0, 0.0]);
        assert_eq!([0, 1, 2].map(|frame| value(&control, 6, frame)), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_source_of_nothing_is_a_grey_video_under_a_full_mask() {
        let nothing = Source::Nothing { batch: 1, frames: 2, height: 8, width: 12 };
        let video = Source::Video {
            video: Tensor::zeros((1, 3, 2, 8, 12), DType::F32, &Device::Cpu).unwrap(),
            mask: Tensor::ones((1, 1, 2, 8, 12), DType::F32, &Device::Cpu).unwrap(),
        };
        let control = |source: &Source| -> Vec<f32> {
            let control = control_latent(&Means, source, &[], &Device::Cpu).unwrap();
            control.flatten_all().unwrap().to_vec1().unwrap()
        };
        assert_eq!(control(&nothing), control(&video));
    }

    #[test]
    fn a_mask_of_another_shape_is_an_error() {
        let source = Source::Video {
            video: Tensor::zeros((1, 3, 2, 8, 12), DType::F32, &Device::Cpu).unwrap(),
            mask: Tensor::ones((1, 1, 1, 8, 12), DType::F32, &Device::Cpu).unwrap(),
        };
        let error = control_latent(&Means, &source, &[], &Device::Cpu).unwrap_err().to_string();
        assert!(error.starts_with("expected a mask of shape [1, 1, 2, 8, 12]"), "{error}");
    }
}
