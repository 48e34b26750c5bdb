//! Codecs between videos and the latents a generator works on.

mod eigen;
mod latent_codec;
mod patches;
mod pca;
mod pca_fit;
mod pca_map;

pub use latent_codec::LatentCodec;
pub use pca::{PcaCodec, PcaConfig};
pub use pca_fit::PcaFit;
