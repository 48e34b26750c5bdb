//! What is measured, each metric declared once in the catalogue and computed in a file of its own.

pub mod agreement;
pub mod association;
pub mod catalogue;
pub mod contrastive;
mod costs;
pub mod faceset;
pub mod fidelity;
mod figures;
mod generated;
pub mod jackknife;
pub mod movement;
pub mod neighbour;
pub mod observation;
pub mod pose_bins;
pub mod probe;
mod public_rows;
pub mod retrieval;
mod rulers;
pub mod sifting;
pub mod silhouette;
pub mod tsne;
pub mod usage;
pub mod verification;
pub mod video;

pub use catalogue::{Subject, catalogue, find};
pub use faceset::FaceSet;
pub use generated::PER_FRAME;
pub use verification::{Trials, separation};
