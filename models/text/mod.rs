//! Encoders of prompts: what a generator's cross-attention reads.

mod encoder;
mod words;

pub use encoder::{TextEmbedding, TextEncoder};
pub use words::Words;
