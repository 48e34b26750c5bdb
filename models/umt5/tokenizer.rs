//! Prompts as the numbers of tokens, by a `tokenizer.json` that the user brings.

use tokenizers::Tokenizer;

use crate::error::{ModelError, ModelResult};

/// Marks the end of a prompt in T5 vocabularies.
const END: &str = "</s>";

/// A tokenizer in the format of Hugging Face's `tokenizer.json`.
#[derive(Clone, Debug)]
pub struct PromptTokenizer {
    tokenizer: Tokenizer,
    end: u32,
}

/// The tokens of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Numbers of the tokens; the last one ends the prompt.
    pub ids: Vec<u32>,
    /// Tokens left off because the prompt was too long.
    pub truncated: usize,
}

impl PromptTokenizer {
    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] when they are none, or know no `</s>`.
    pub fn from_json(bytes: &[u8]) -> ModelResult<Self> {
        let tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| broken(&error))?;
        let end = tokenizer.token_to_id(END).ok_or_else(|| broken(&format!("no token `{END}`")))?;
        Ok(Self { tokenizer, end })
    }

    /// At most `most` tokens of a cleaned prompt, the end included.
    pub fn tokens(&self, prompt: &str, most: usize) -> ModelResult<Tokens> {
        // Special tokens are added here: where a file's own template puts them varies.
        let encoding = self.tokenizer.encode(prompt, false).map_err(|error| broken(&error))?;
        let mut ids = encoding.get_ids().to_vec();
        let room = most.saturating_sub(1);
        let truncated = ids.len().saturating_sub(room);
        ids.truncate(room);
        ids.push(self.end);
        Ok(Tokens { ids, truncated })
    }
}

fn broken(reason: &dyn ToString) -> ModelError {
    ModelError::Tokenizer { reason: reason.to_string() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{PromptTokenizer, Tokens};

    /// A vocabulary of four words.
    pub(in crate::umt5) fn words() -> PromptTokenizer {
        let json = r#"{"version": "1.0", "added_tokens": [], "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "truncation": null, "padding": null, "model": {"type": "WordLevel",
            "vocab": {"</s>": 1, "she": 2, "turns": 3, "left": 4, "<unk>": 5},
            "unk_token": "<unk>"}}"#;
        PromptTokenizer::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn prompts_end_and_long_ones_are_cut() {
        let tokens = |prompt: &str, most| words().tokens(prompt, most).unwrap();
        assert_eq!(tokens("She turns left", 8), Tokens { ids: vec![2, 3, 4, 1], truncated: 0 });
        assert_eq!(tokens("she turns left", 3), Tokens { ids: vec![2, 3, 1], truncated: 1 });
        assert_eq!(tokens("", 8), Tokens { ids: vec![1], truncated: 0 });
        assert_eq!(tokens(&"left ".repeat(2000), 512).truncated, 1489);
    }

    #[test]
    fn files_that_are_no_tokenizer_are_refused() {
        let text = PromptTokenizer::from_json(b"{}").unwrap_err().to_string();
        assert!(text.starts_with("this is no `tokenizer.json`: "), "{text}");
        assert!(text.ends_with("; fetch the one that came with the text encoder"), "{text}");
    }
}
