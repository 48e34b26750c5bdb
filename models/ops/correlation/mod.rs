//! The pooled correlation of face tokens with dictionary elements (Eq. 3).

mod chunked;
mod pooled;
mod tiled;

pub use pooled::{Pool, pooled_correlation};
