//! SkyReels-A2 (Fei et al. 2025): references as the first frames of a clip behind the noisy latent.

use super::carriers::{ImageEntry, ImageSpec};
use super::channels::ChannelsSpec;
use super::mechanism::{Mechanism, TrainsSpec};
use super::pass::PassSpec;

/// Image-to-video's 36 channels (16 noisy, 4 of the mask, 16 of a clip that shows each reference
/// for one latent frame), and the image encoder's tokens of every reference in cross-attention;
/// guidance 5 with the same condition in both passes. Published with diffusers' UniPC, 50 steps and
/// a shift of 8, after which the first 12 frames of the video are thrown away.
///
/// As released it cannot run with one reference; [`skyreels_a2_intended`] can.
pub fn skyreels_a2(image_dim: usize) -> Mechanism {
    Mechanism {
        name: "skyreels_a2".into(),
        channels: Some(ChannelsSpec::ReferenceFrames { repeat: true, refuses_one: true }),
        image: Some(ImageSpec { dim: image_dim, enters: ImageEntry::Attention }),
        passes: PassSpec::classifier_free(5.0),
        trains: TrainsSpec { modules: image_to_video_modules(), published: vec!["*".into()] },
        ..Mechanism::default()
    }
}

/// SkyReels-A2 with a mask that fits any number of references, one included.
pub fn skyreels_a2_intended(image_dim: usize) -> Mechanism {
    let channels = ChannelsSpec::ReferenceFrames { repeat: true, refuses_one: false };
    Mechanism { channels: Some(channels), ..skyreels_a2(image_dim) }
}

/// What image-to-video adds to a text-to-video base. The patch embedding's new columns cannot be
/// trained without the old ones.
pub(super) fn image_to_video_modules() -> Vec<String> {
    let attention = ["k_img", "v_img", "norm_k_img"];
    let attention = attention.map(|layer| format!("blocks.*.cross_attn.{layer}"));
    ["patch_embedding", "img_emb"].map(str::to_owned).into_iter().chain(attention).collect()
}
