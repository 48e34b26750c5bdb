//! ConsisID's face modules: a perceiver that reads a face vector and the layers of an image
//! encoder, and cross-attention from the video's tokens to what it makes of them.

mod attention;
mod modules;
mod perceiver;
mod spec;

pub use modules::{Face, FaceReading};
pub use perceiver::FaceInput;
pub use spec::FaceSpec;
