//! What every encoder of prompts offers.

use candle_core::Tensor;

use crate::error::ModelResult;

/// A prompt as rows of features.
#[derive(Clone, Debug)]
pub struct TextEmbedding {
    /// `[L, D]`, f32, in the order of the text, without padding; L is at least 1.
    pub rows: Tensor,
    /// Tokens of the prompt that were left off at the end because it was too long.
    pub truncated: usize,
}

/// Turns a prompt into rows of features.
pub trait TextEncoder: Send + Sync {
    /// The rows of one prompt. The empty prompt has rows too: it is what guidance without a
    /// prompt reads.
    fn encode(&self, prompt: &str) -> ModelResult<TextEmbedding>;

    /// Width D of a row.
    fn dim(&self) -> usize;
}
