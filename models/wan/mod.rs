//! The Wan2.1 diffusion transformer with its VACE and image branches.

mod attention;
mod block;
mod config;
mod declare;
mod embed;
mod head;
mod model;
mod names;
mod rotary;
mod span;
mod vace;

pub use block::Observer;
pub use config::{ImageConfig, VaceConfig, WanConfig};
pub use head::unpatchify;
pub use model::{Wan, WanInput};
pub use names::{diffusers_from_original, original_from_diffusers};
pub use rotary::{Grid, Rotary};
pub use vace::VaceInput;
