//! Distances between two sets of feature vectors.

mod cholesky;
mod distance;
mod kernel;
mod spectrum;

pub use distance::{Moments, consisid_distance, consisid_single_image, frechet_distance};
pub use kernel::{Subsets, kernel_distance};
