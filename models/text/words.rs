//! The text encoder of the embedded world: every word has a fixed random direction.
//!
//! Captions of the embedded world use some hundred words, and what each means is learnt by the
//! generator's cross-attention; the encoder need only keep words apart and in order.

use candle_core::{Device, Tensor};

use super::{TextEmbedding, TextEncoder};
use crate::error::{ModelError, ModelResult};
use crate::sinusoid::Sinusoid;
use crate::stream::Stream;

/// Changing it changes every row ever made: trained generators would no longer understand.
const SEED: u64 = 0;
/// The row after the last word. Letters and digits alone make words, so no word is spelt so.
const END: &str = "</s>";
/// Amplitude of the position's sinusoids; a word's features have standard deviation 1.
const POSITION: f32 = 0.5;

/// A word's row is N(0, 1) features drawn from its spelling, plus a sinusoid of its place.
#[derive(Clone, Debug)]
pub struct Words {
    text_len: usize,
    dim: usize,
    device: Device,
}

impl Words {
    /// An encoder of rows of width `dim`, at most `text_len` of them: the words, and one that ends
    /// the text.
    pub fn new(dim: usize, text_len: usize, device: &Device) -> ModelResult<Self> {
        for (setting, got) in [("dim", dim), ("text_len", text_len)] {
            if got == 0 {
                let (got, expected) = (got.to_string(), "must be at least 1".to_owned());
                return Err(ModelError::BadSetting { setting, got, expected });
            }
        }
        Ok(Self { text_len, dim, device: device.clone() })
    }

    fn row(&self, word: &str, place: usize) -> impl Iterator<Item = f32> {
        let position = Sinusoid { dim: self.dim, cos_first: true, shift: 0.0, scale: 1.0 };
        let mut stream = Stream::new(SEED, &format!("text/words/{word}"), 0);
        position.embed(place as f64).into_iter().map(move |x| stream.normal() + POSITION * x)
    }
}

impl TextEncoder for Words {
    fn encode(&self, prompt: &str) -> ModelResult<TextEmbedding> {
        let mut words = words(prompt);
        let room = self.text_len - 1;
        let truncated = words.len().saturating_sub(room);
        words.truncate(room);
        words.push(END.to_owned());
        let rows: Vec<f32> =
            words.iter().enumerate().flat_map(|(place, word)| self.row(word, place)).collect();
        let rows = Tensor::from_vec(rows, (words.len(), self.dim), &self.device)?;
        Ok(TextEmbedding { rows, truncated })
    }

    fn dim(&self) -> usize {
        self.dim
    }
}

/// Words that carry nothing here: leaving them out halves the rows of a caption, and with them the
/// cost of attending to it.
const EMPTY: [&str; 14] = [
    "a", "an", "and", "are", "in", "is", "it", "of", "on", "the", "to", "while", "with", "features",
];

/// The words of a text in lower case that say something, without the punctuation around them.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty() && !EMPTY.contains(&word.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::{TextEncoder, Words};

    fn rows(prompt: &str) -> Vec<Vec<f32>> {
        let words = Words::new(512, 77, &Device::Cpu).unwrap();
        words.encode(prompt).unwrap().rows.to_vec2().unwrap()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn words_are_told_apart_and_case_and_punctuation_are_not() {
        let plain = rows("she turns left then right");
        assert_eq!(plain.len(), 6);
        assert_eq!(plain, rows("  She \"turns\" to the left, then\nRIGHT."));
        let (left, right) = (&plain[2], &plain[4]);
        assert!(cosine(left, right).abs() < 0.35, "{}", cosine(left, right));
        let variance = left.iter().map(|x| x * x).sum::<f32>() / 512.0;
        assert!((variance - 1.125).abs() < 0.2, "{variance}"); // 1 + 0.5²/2
    }

    #[test]
    fn order_shows_in_the_rows_while_a_word_stays_recognisable() {
        let (forth, back) = (rows("left then right"), rows("right then left"));
        assert_ne!(forth[0], back[2]);
        assert!(cosine(&forth[0], &back[2]) > 0.85);
        assert_eq!(forth[1], back[1]);
    }

    #[test]
    fn long_prompts_are_cut_and_the_count_is_told() {
        let words = Words::new(8, 77, &Device::Cpu).unwrap();
        let long = words.encode(&"word ".repeat(2000)).unwrap();
        assert_eq!((long.rows.dims(), long.truncated), ([77, 8].as_slice(), 1924));
        let empty = words.encode(" … ").unwrap();
        assert_eq!((empty.rows.dims(), empty.truncated), ([1, 8].as_slice(), 0));
        assert_eq!(rows("éclair")[0], rows("Éclair!")[0]);
        assert_eq!(
            Words::new(0, 77, &Device::Cpu).unwrap_err().to_string(),
            "`dim` is 0, but must be at least 1"
        );
    }
}
