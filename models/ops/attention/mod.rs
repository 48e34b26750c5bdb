//! Scaled dot-product attention that never holds the L×L matrix of all heads.

mod chunked;
mod flash;
mod fused;
mod tiled;

pub use fused::{attention, attention_blhd};
