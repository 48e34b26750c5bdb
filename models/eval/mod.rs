//! The networks of the evaluation, under the names of their published checkpoints.

pub mod ir101;
pub mod iresnet;
pub mod network;
pub mod rotations;
pub mod sixdrepnet;

mod batch_norm;
mod conv;
mod conv_norm;
mod embedding_head;
mod repvgg_block;
mod residual_unit;
