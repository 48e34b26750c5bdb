//! Encoders of prompts: what a generator's cross-attention reads.

mod clean;
mod encoder;
mod words;

pub use clean::clean;
pub use encoder::{TextEmbedding, TextEncoder};
pub use words::Words;
