//! Texts as CLIP's tokens, by the merges of its byte-pair encoding, which the user brings.

use candle_core::{Device, Result, Tensor};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

use crate::error::{ModelError, ModelResult};
use crate::text::clean;

/// Merges of the published vocabulary; what its file holds beyond them was never used.
const MERGES: usize = 48_894;
/// Marks the last token of a word.
const WORD_END: &str = "</w>";
/// What counts as a word: contractions, letters, single digits, runs of anything else but space.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The tokenizer of every published CLIP.
#[derive(Clone, Debug)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    start: u32,
}

/// The tokens of a text, between start and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipTokens {
    /// Their numbers, the start's and the end's included.
    pub ids: Vec<u32>,
    /// Tokens left off at the end because the text was too long.
    pub truncated: usize,
}

impl ClipTokenizer {
    /// Reads the text of `merges.txt` (transformers) or of the unpacked
    /// `bpe_simple_vocab_16e6.txt.gz` (OpenAI, open_clip): a line of title, then a pair a line.
    ///
    /// # Errors
    /// [`ModelError::BadSetting`] when a line is no pair.
    pub fn from_merges(text: &str) -> ModelResult<Self> {
        let mut merges = vec![];
        for line in text.lines().skip(1).take(MERGES).filter(|line| !line.is_empty()) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                [first, second] => merges.push((first.to_owned(), second.to_owned())),
                _ => return Err(broken(line)),
            }
        }
        let letters = letters();
        let ended = letters.iter().map(|letter| format!("{letter}{WORD_END}"));
        let single = letters.iter().map(char::to_string).chain(ended);
        let merged = merges.iter().map(|(first, second)| format!("{first}{second}"));
        let vocabulary: Vocab = single.chain(merged).zip(0..).collect();
        let start = (2 * letters.len() + merges.len()) as u32;
        let bpe = BPE::builder()
            .vocab_and_merges(vocabulary, merges)
            .end_of_word_suffix(WORD_END.to_owned())
            .build()
            .map_err(|error| broken(&error.to_string()))?;
        let mut tokenizer = Tokenizer::new(bpe);
        tokenizer.with_pre_tokenizer(Some(word_splitter()?));
        Ok(Self { tokenizer, start })
    }

    /// The token that starts every text. The next number is the end's.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The token that ends every text, the last of the vocabulary.
    pub fn end(&self) -> u32 {
        self.start + 1
    }

    /// At most `most` tokens of a text, start and end included. The text is cleaned and put in
    /// lower case first, as by OpenAI's code.
    ///
    /// # Errors
    /// When the text holds what the vocabulary does not, which a whole vocabulary never does.
    pub fn tokens(&self, text: &str, most: usize) -> ModelResult<ClipTokens> {
        let text = clean(text).to_lowercase();
        let encoding =
            self.tokenizer.encode(text, false).map_err(|error| broken(&error.to_string()))?;
        let room = most.saturating_sub(2);
        let found = encoding.get_ids();
        let kept = found.iter().take(room).copied();
        let ids = std::iter::once(self.start).chain(kept).chain([self.end()]).collect();
        Ok(ClipTokens { ids, truncated: found.len().saturating_sub(room) })
    }

    /// Texts as rows, the shorter filled up with ends, as transformers does.
    ///
    /// # Shapes
    /// - output: `[B, L]`, L tokens of the longest
    pub fn batch(&self, texts: &[ClipTokens], device: &Device) -> Result<Tensor> {
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or_default();
        let row = |text: &ClipTokens| {
            let mut ids = text.ids.clone();
            ids.resize(longest, self.end());
            ids
        };
        let ids: Vec<u32> = texts.iter().flat_map(row).collect();
        Tensor::from_vec(ids, (texts.len(), longest), device)
    }
}

fn broken(found: &str) -> ModelError {
    ModelError::BadSetting {
        setting: "merges",
        got: format!("`{found}`"),
        expected: "must be lines of two parts, as in `merges.txt`".into(),
    }
}

fn word_splitter() -> ModelResult<Sequence> {
    let pattern = SplitPattern::Regex(WORDS.to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Removed, true);
    let split = split.map_err(|error| broken(&error.to_string()))?;
    let bytes = ByteLevel::new(false, true, false);
    Ok(Sequence::new(vec![
        PreTokenizerWrapper::Split(split),
        PreTokenizerWrapper::ByteLevel(bytes),
    ]))
}

/// The 256 characters that stand for bytes, in the vocabulary's order: bytes that print stand for
/// themselves and come first, the others for characters from U+0100 on (GPT-2's
/// `bytes_to_unicode`).
fn letters() -> Vec<char> {
    let prints = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let printing = (0..=u8::MAX).filter(prints).map(char::from);
    let others = (0..=u8::MAX).filter(|byte| !prints(byte)).count() as u32;
    printing.chain((0..others).filter_map(|at| char::from_u32(0x100 + at))).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::ClipTokenizer;

    const MERGES: &str = "#version: 0.2\nc a\nca t</w>\na t</w>\n";

    #[test]
    fn words_are_merged_and_bytes_are_letters() {
        let tokenizer = ClipTokenizer::from_merges(MERGES).unwrap();
        assert_eq!((tokenizer.start(), tokenizer.end()), (515, 516));
        // `a` is byte 97, the 64th letter after `!`; ended ones are 256 further on.
        let tokens = tokenizer.tokens("  A CAT at 7é ", 77).unwrap();
        let seven = 256 + u32::from(b'7' - b'!');
        let accent = [0xC3 - 0xA1 + 94 - 1, 256 + 0xA9 - 0xA1 + 94];
        let expected = [515, 256 + 64, 513, 514, seven, accent[0], accent[1], 516];
        assert_eq!((tokens.ids.as_slice(), tokens.truncated), (expected.as_slice(), 0));
    }

    #[test]
    fn long_texts_are_cut_before_the_end_and_short_ones_filled() {
        let tokenizer = ClipTokenizer::from_merges(MERGES).unwrap();
        let long = tokenizer.tokens(&"cat ".repeat(80), 77).unwrap();
        assert_eq!((long.ids.len(), long.ids[76], long.truncated), (77, 516, 5));
        let empty = tokenizer.tokens("", 77).unwrap();
        assert_eq!(empty.ids, [515, 516]);
        let batch = tokenizer.batch(&[long, empty], &Device::Cpu).unwrap();
        assert_eq!(batch.dims(), [2, 77]);
        assert_eq!(batch.to_vec2::<u32>().unwrap()[1][1..], [516; 76]);
    }

    #[test]
    fn lines_that_are_no_pairs_are_named() {
        let error = ClipTokenizer::from_merges("#version: 0.2\na b c\n").unwrap_err().to_string();
        let expected = "`merges` is `a b c`, but must be lines of two parts, as in `merges.txt`";
        assert_eq!(error, expected);
    }
}
