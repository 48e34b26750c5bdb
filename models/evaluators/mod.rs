//! The in-world evaluators: small networks that measure clips of the embedded heads, with the
//! losses they are trained by.
//!
//! They read the whole frame, so no detector stands between a generator and its ruler.

mod arccos;
mod arcface;
mod batch_norm;
mod classes;
mod curricularface;
mod dual_encoder;
mod frames;
mod geodesic;
mod pose_net;
mod presence;
mod recogniser;
mod six_d;
mod text_tower;
mod tower;

pub use arcface::{Margin, arcface};
pub use batch_norm::{BatchNorm, BatchStatistics};
pub use classes::Classes;
pub use curricularface::{Curriculum, curricularface};
pub use dual_encoder::DualEncoder;
pub use frames::frames_tensor;
pub use geodesic::{geodesic_angles, geodesic_loss};
pub use pose_net::{PoseNet, PoseOutput};
pub use presence::presence_loss;
pub use recogniser::Recogniser;
pub use six_d::rotations_from_6d;
pub use text_tower::{TextTower, TextTowerConfig};
pub use tower::Tower;
