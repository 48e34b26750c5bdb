//! The video autoencoder of Wan 2.1: a causal 3-D convolutional network, frame by frame if need be.

mod attention;
mod config;
mod decoder;
mod encoder;
mod history;
mod layers;
mod middle;
mod model;
mod names;
mod resample;
mod residual;

pub use config::VaeConfig;
pub use model::{Pass, WanVae};
pub use names::{vae_diffusers_from_original, vae_original_from_diffusers};
