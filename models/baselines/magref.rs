//! MAGREF (Deng et al. 2025): all references on one canvas, and a mask of where they are.

use super::carriers::{ImageEntry, ImageSpec};
use super::channels::ChannelsSpec;
use super::mechanism::{Mechanism, TrainsSpec};
use super::pass::PassSpec;
use super::skyreels_a2::image_to_video_modules;

/// Image-to-video's 36 channels with a [`super::Canvas`] as the first frame, masked where it shows
/// a reference, and the image encoder's tokens of the canvas in cross-attention; guidance 5 with
/// the same condition in both passes. Published with UniPC, 40 steps and a shift of 3; all weights
/// are trained.
pub fn magref(image_dim: usize) -> Mechanism {
    Mechanism {
        name: "magref".into(),
        channels: Some(ChannelsSpec::Canvas { by_region: true }),
        image: Some(ImageSpec { dim: image_dim, enters: ImageEntry::Attention }),
        passes: PassSpec::classifier_free(5.0),
        trains: TrainsSpec { modules: image_to_video_modules(), published: vec!["*".into()] },
        ..Mechanism::default()
    }
}
