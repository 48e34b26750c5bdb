//! Convolutions of pictures and of films, as products of tiles of patches.

mod columns;
mod conv2d;
mod conv3d;
mod geometry;
mod recorded;
mod split;
mod tiled;

pub use conv2d::conv2d;
pub use conv3d::{Conv3d, conv3d};
pub use geometry::Conv2d;
