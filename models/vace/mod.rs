//! What VACE's control branch is fed: reference pictures fitted to the video, masks and the control
//! latent.

mod control;
mod mask;
mod reference;

pub use control::{Source, control_latent, latents_in_front, video_and_reference_latents};
pub use mask::{control_mask, nearest_exact};
pub use reference::fit_reference;
