//! Prompts through cleaning, tokenizer and encoder, as Wan reads them.

use candle_core::Tensor;

use super::{PromptTokenizer, Umt5};
use crate::error::{ModelError, ModelResult};
use crate::params::Params;
use crate::text::{TextEmbedding, TextEncoder, clean};

/// UMT5 as a [`TextEncoder`]. Rows are those of the prompt's tokens and its end: Wan pads them with
/// zeros to 512 afterwards.
#[derive(Clone, Debug)]
pub struct Umt5Prompts {
    encoder: Umt5,
    tokenizer: PromptTokenizer,
    text_len: usize,
    device: candle_core::Device,
}

impl Umt5Prompts {
    /// Prompts of at most `text_len` tokens (Wan: 512), the end included, through an encoder whose
    /// parameters are `params`.
    pub fn new(
        encoder: Umt5,
        params: &Params,
        tokenizer: PromptTokenizer,
        text_len: usize,
    ) -> ModelResult<Self> {
        if text_len == 0 {
            let expected = "must be at least 1".to_owned();
            return Err(ModelError::BadSetting { setting: "text_len", got: "0".into(), expected });
        }
        Ok(Self { encoder, tokenizer, text_len, device: params.device().clone() })
    }
}

impl TextEncoder for Umt5Prompts {
    fn encode(&self, prompt: &str) -> ModelResult<TextEmbedding> {
        let tokens = self.tokenizer.tokens(&clean(prompt), self.text_len)?;
        let vocab = self.encoder.config().vocab;
        if let Some(id) = tokens.ids.iter().find(|id| **id as usize >= vocab) {
            let reason = format!("token {id} is none of the encoder's {vocab}");
            return Err(ModelError::Tokenizer { reason });
        }
        let length = tokens.ids.len();
        let ids = Tensor::from_vec(tokens.ids, (1, length), &self.device)?;
        let rows = self.encoder.forward(&ids, None)?.squeeze(0)?;
        Ok(TextEmbedding { rows, truncated: tokens.truncated })
    }

    fn dim(&self) -> usize {
        self.encoder.config().dim
    }
}

#[cfg(test)]
mod tests {
    use super::{TextEncoder, Umt5Prompts};
    use crate::umt5::model::tests::{SMALL, small};
    use crate::umt5::tokenizer::tests::words;

    #[test]
    fn a_prompt_becomes_as_many_rows_as_tokens() {
        let (encoder, params) = small();
        let prompts = Umt5Prompts::new(encoder, &params, words(), 4).unwrap();
        let rows = |prompt: &str| prompts.encode(prompt).unwrap();
        let plain = rows("she turns left");
        assert_eq!((plain.rows.dims(), plain.truncated), ([4, SMALL.dim].as_slice(), 0));
        let values = |prompt: &str| rows(prompt).rows.to_vec2::<f32>().unwrap();
        assert_eq!(values("  she&nbsp;turns \n left"), values("she turns left"));
        assert_ne!(values("she left turns")[3], values("she turns left")[3]);
        assert_eq!(rows("she turns left she").truncated, 1);
        assert_eq!(rows("").rows.dims(), [1, SMALL.dim]);
    }
}
