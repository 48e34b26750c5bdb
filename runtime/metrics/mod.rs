//! What is measured, each metric declared once in the catalogue and computed in a file of its own.

pub mod agreement;
pub mod catalogue;
pub mod contrastive;
pub mod faceset;
pub mod fidelity;
mod generated;
pub mod observation;
pub mod probe;
pub mod retrieval;
mod rulers;
pub mod silhouette;
pub mod usage;
pub mod verification;
pub mod video;

pub use catalogue::{Subject, catalogue, find};
pub use faceset::FaceSet;
pub use verification::Trials;
