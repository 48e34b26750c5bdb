//! UMT5, the text encoder of Wan: network, tokenizer and the two together.

mod config;
mod model;
mod names;
mod position;
mod prompt;
mod tokenizer;

pub use config::Umt5Config;
pub use model::Umt5;
pub use names::{umt5_original_from_transformers, umt5_transformers_from_original};
pub use position::relative_bucket;
pub use prompt::Umt5Prompts;
pub use tokenizer::{PromptTokenizer, Tokens};
