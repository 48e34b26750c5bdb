//! The networks of the evaluation, under the names of their published checkpoints.

pub mod alignment;
pub mod clip;
pub mod frechet;
pub mod inception;
pub mod ir101;
pub mod iresnet;
pub mod network;
pub mod normalisation;
pub mod picture;
pub mod resampling;
pub mod rotations;
pub mod scrfd;
pub mod sixdrepnet;

mod batch_norm;
mod conv;
mod conv_norm;
mod embedding_head;
mod inception_block;
mod repvgg_block;
mod residual_unit;
