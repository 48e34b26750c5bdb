//! Goldens of VACE's control latent, over a stand-in for the VAE that the case describes.

use candle_core::{Device, Tensor};
use ffrun_models::codec::LatentCodec;
use ffrun_models::vace::{Source, control_latent, control_mask, video_and_reference_latents};

use super::case::Case;
use super::check::Check;
use super::{Kind, Result};

/// Control latents with and without a reference.
pub(super) const KIND: Kind = Kind {
    name: "vace control latent",
    recognises: |case| has_weight(case, FAKE) && case.has("/outputs", "context_ref"),
    run,
};

/// Name of the stand-in's weight.
const FAKE: &str = "fakevae.weight";

fn has_weight(case: &Case, name: &str) -> bool {
    case.list("/weights").is_ok_and(|rows| rows.iter().any(|row| row[0] == name))
}

fn run(case: &Case) -> Result<Vec<Check>> {
    let weights = case.weights()?;
    let codec = BlockMeans { matrix: weights.get(FAKE).ok_or("no weight")?.clone() };
    let video = case.input("frames")?.unsqueeze(0)?;
    let mask = case.input("mask")?.unsqueeze(0)?;
    let frames = codec.temporal(video.dim(2)?);
    let source = Source::Video { video, mask: mask.clone() };
    let reference = case.input("ref0")?.squeeze(1)?.unsqueeze(0)?;
    let mut checks = vec![];
    for (suffix, references) in [("noref", vec![]), ("ref", vec![reference])] {
        let device = &Device::Cpu;
        let latents = video_and_reference_latents(&codec, &source, &references, device)?;
        let masks = control_mask(&mask, frames, codec.spatial(), references.len())?;
        let context = control_latent(&codec, &source, &references, device)?;
        for (name, found) in [("latents", latents), ("masks", masks), ("context", context)] {
            checks.extend(case.check(&format!("{name}_{suffix}"), &found.squeeze(0)?)?);
        }
    }
    Ok(checks)
}

/// Means over 8×8 pixels and over frame 0, then groups of 4 frames; then a matrix from 3 to C
/// channels.
struct BlockMeans {
    matrix: Tensor,
}

impl LatentCodec for BlockMeans {
    fn encode(&self, video: &Tensor) -> candle_core::Result<Tensor> {
        let (b, c, t, h, w) = video.dims5()?;
        let cells = video.reshape(&[b * c * t, h / 8, 8, w / 8, 8])?.mean(4)?.mean(2)?;
        let cells = cells.reshape((b, c, t, h / 8, w / 8))?;
        let mut frames = vec![cells.narrow(2, 0, 1)?];
        for start in (1..t).step_by(4) {
            frames.push(cells.narrow(2, start, 4.min(t - start))?.mean_keepdim(2)?);
        }
        let means = Tensor::cat(&frames, 2)?;
        let (b, c, f, h, w) = means.dims5()?;
        let mixed = self.matrix.broadcast_left(b)?.matmul(&means.reshape((b, c, f * h * w))?)?;
        mixed.reshape((b, self.latent_channels(), f, h, w))
    }

    fn decode(&self, _: &Tensor) -> candle_core::Result<Tensor> {
        candle_core::bail!("the stand-in only encodes")
    }

    fn latent_channels(&self) -> usize {
        self.matrix.dims()[0]
    }

    fn spatial(&self) -> usize {
        8
    }

    fn temporal(&self, frames: usize) -> usize {
        frames.div_ceil(4)
    }
}
