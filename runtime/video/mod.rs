//! Clips of any kind as frames: stills, animations, folders of frames, and films through ffmpeg.

mod animation;
mod child;
mod clip;
mod error;
mod ffmpeg;
mod film;
mod folder;
mod mp4;
mod ppm;
mod probe;
mod still;

pub use clip::{Clip, Decoder, Salvaged, Sampled};
pub use error::VideoError;
pub use ffmpeg::Ffmpeg;
pub use mp4::write_mp4;
