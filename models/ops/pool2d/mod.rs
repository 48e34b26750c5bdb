//! Pooling of images over square windows.

mod fused;
mod grid;
mod plain;

pub use fused::{avg_pool2d, max_pool2d};
pub use grid::Pool2d;
