//! Input channels behind the noisy ones, as image-to-video networks have them.

use candle_core::{DType, Result, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::codec::LatentCodec;

/// What the channels say. Masks have one channel for each frame that goes into a latent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChannelsSpec {
    /// A clip whose first frames are the references and whose others are grey, and a mask of where
    /// they are (SkyReels-A2).
    ReferenceFrames {
        /// Whether each reference but the first fills a latent frame of its own. Otherwise it is
        /// one frame, and the mask covers parts of latent frames.
        repeat: bool,
        /// Whether a single reference is an error, as in the released code, whose mask then has a
        /// latent frame too many.
        refuses_one: bool,
    },
    /// A clip whose first frame is a canvas with all references and whose others are grey, and a
    /// mask of the canvas (MAGREF).
    Canvas {
        /// Whether the mask covers the references alone. Otherwise the whole canvas, as in plain
        /// image-to-video.
        by_region: bool,
    },
    /// The latent of the first reference in the first frame, zeros in the others, and no mask
    /// (ConsisID).
    FirstFrame,
}

/// The pictures that channels are made from.
#[derive(Clone, Copy, Debug)]
pub struct ReferencePictures<'a> {
    /// R pictures `[B, 3, H, W]`, RGB in [−1, 1], of the video's size. For a canvas, the canvas.
    pub pictures: &'a [Tensor],
    /// 1 where a canvas shows a reference and 0 in between, `[B, 1, H, W]`; `None` is 1 everywhere.
    pub region: Option<&'a Tensor>,
    /// Frames T of the video.
    pub frames: usize,
}

impl ChannelsSpec {
    /// Number of channels, for latents of `latent` channels with `temporal` frames in each.
    pub fn count(self, latent: usize, temporal: usize) -> usize {
        match self {
            Self::ReferenceFrames { .. } | Self::Canvas { .. } => temporal + latent,
            Self::FirstFrame => latent,
        }
    }

    /// The channels, the mask first.
    ///
    /// # Shapes
    /// - output: `[B, Cc, F, H/s, W/s]`, F and s the codec's
    ///
    /// # Errors
    /// When there are too few or too many references for the frames.
    pub fn build(self, codec: &dyn LatentCodec, from: &ReferencePictures) -> Result<Tensor> {
        match self {
            Self::ReferenceFrames { repeat, refuses_one } => {
                if refuses_one && from.pictures.len() == 1 {
                    bail!(
                        "the released SkyReels-A2 cannot run with one reference: its mask is a \
                         latent frame too long; give two, or set `refuses_one` to false"
                    );
                }
                reference_frames(codec, from, repeat)
            }
            Self::Canvas { by_region } => canvas(codec, from, by_region),
            Self::FirstFrame => {
                let latent = codec.encode(&first(from)?.unsqueeze(2)?)?;
                latent.pad_with_zeros(2, 0, codec.temporal(from.frames).saturating_sub(1))
            }
        }
    }
}

fn first<'a>(from: &ReferencePictures<'a>) -> Result<&'a Tensor> {
    match from.pictures.first() {
        Some(picture) if from.frames > 0 => Ok(picture),
        _ => bail!("input channels are made from at least one reference and one frame"),
    }
}

fn reference_frames(
    codec: &dyn LatentCodec,
    from: &ReferencePictures,
    repeat: bool,
) -> Result<Tensor> {
    let stride = temporal_stride(codec, from.frames);
    let mut clip = vec![first(from)?.unsqueeze(2)?];
    for picture in &from.pictures[1..] {
        clip.extend(vec![picture.unsqueeze(2)?; if repeat { stride } else { 1 }]);
    }
    let shown = clip.len();
    if shown > from.frames {
        bail!(
            "{} references fill {shown} frames, but the video has {}",
            from.pictures.len(),
            from.frames
        );
    }
    let grey = Tensor::zeros_like(&clip[0])?;
    clip.resize(from.frames, grey);
    let latent = codec.encode(&Tensor::cat(&clip, 2)?)?;
    let (b, _, f, h, w) = latent.dims5()?;
    // The first frame counts for all that go into a latent one (Wan's image-to-video mask).
    let marks = (0..f * stride).map(|at| if at < shown - 1 + stride { 1.0 } else { 0.0 });
    let marks =
        Tensor::from_vec(marks.collect::<Vec<f32>>(), (1, f, stride, 1, 1), latent.device())?;
    let mask = marks.transpose(1, 2)?.broadcast_as((b, stride, f, h, w))?;
    Tensor::cat(&[mask.to_dtype(latent.dtype())?, latent], 1)
}

fn canvas(codec: &dyn LatentCodec, from: &ReferencePictures, by_region: bool) -> Result<Tensor> {
    let canvas = first(from)?;
    let clip = canvas.unsqueeze(2)?.pad_with_zeros(2, 0, from.frames - 1)?;
    let latent = codec.encode(&clip)?;
    let (b, _, f, h, w) = latent.dims5()?;
    let region = match from.region {
        Some(region) if by_region => region_cells(region, codec.spatial())?,
        _ => Tensor::ones((b, 1, h, w), DType::F32, latent.device())?,
    };
    let stride = temporal_stride(codec, from.frames);
    let mask = region.unsqueeze(2)?.broadcast_as((b, stride, 1, h, w))?;
    Tensor::cat(&[mask.pad_with_zeros(2, 0, f - 1)?.to_dtype(latent.dtype())?, latent], 1)
}

/// 1 for each cell of `side` × `side` pixels with any pixel of the region.
///
/// # Shapes
/// - region: `[B, 1, H, W]`; output: `[B, 1, ⌊H/side⌋, ⌊W/side⌋]`
pub fn region_cells(region: &Tensor, side: usize) -> Result<Tensor> {
    let (b, _, height, width) = region.dims4()?;
    let (h, w) = (height / side.max(1), width / side.max(1));
    let whole = region.narrow(2, 0, h * side)?.narrow(3, 0, w * side)?;
    let cells = whole.reshape((b * h, side, w, side))?.max(3)?.max(1)?;
    cells.gt(0.0)?.to_dtype(DType::F32)?.reshape((b, 1, h, w))
}

/// Frames that go into a latent one behind the first.
fn temporal_stride(codec: &dyn LatentCodec, frames: usize) -> usize {
    match codec.temporal(frames) {
        0 | 1 => 1,
        latent => (frames - 1) / (latent - 1),
    }
}
