//! Bases under a mechanism: the networks, what they are told, and sampling with them.

mod encoders;
mod network;
mod telling;

pub(crate) use encoders::Encoders;
pub(in crate::stages) use encoders::IMAGE_TOKENS;
pub(crate) use network::frames_in_a_latent;
pub(in crate::stages) use network::{Conditioned, Plan};
pub(in crate::stages) use telling::{Person, Scene};
