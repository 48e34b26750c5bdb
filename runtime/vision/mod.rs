//! Reads faces off frames with networks that users bring: whose face it is, how it is turned, and
//! what the frame shows.

mod card;
mod clip_score;
mod detector;
pub mod digest;
mod error;
mod face_crop;
mod features;
mod found_faces;
mod onnx_file;
mod options;
mod padding;
mod pose;
mod reader;
mod recogniser;
mod shelf;
mod weight_file;
mod yunet;

pub use card::{Aligned, Card, Input, Licence, Order, Role};
pub use digest::sha256_of;
pub use error::{VisionError, VisionResult};
pub use options::{Choice, Options};
pub use reader::{FaceReader, PromptRead};
pub use shelf::{Installed, Networks, Shelf};
