//! CLIP: pictures and texts in one space, for the CLIP score.

mod config;
mod layers;
mod model;
mod text;
mod tokenizer;
mod vision;

pub use config::{ClipConfig, TowerConfig};
pub use model::{Clip, Embeddings};
pub use text::TextTower;
pub use tokenizer::{ClipTokenizer, ClipTokens};
pub use vision::VisionTower;
