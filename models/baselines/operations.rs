//! The arithmetic of one pass, as its tokens say.

use super::carriers::ImageEntry;
use super::mechanism::Mechanism;
use crate::wan::WanConfig;

/// The tokens of a pass.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Of the video, with the frames of VACE's references.
    pub video: usize,
    /// Of the references beside it that are run with it.
    pub references: usize,
    /// Of references whose keys and values are remembered.
    pub remembered: usize,
    /// Rows of text.
    pub text: usize,
    /// Tokens of an image encoder.
    pub image: usize,
    /// Rank of adapters on the queries, keys and values of self-attention.
    pub rank: usize,
}

/// Floating-point operations of a pass: two for each product of a weight and a value, and for each
/// pair of a query and a key in scores and in values. Norms and the like are left out.
pub fn operations(mechanism: &Mechanism, config: &WanConfig, load: Load) -> f64 {
    let d = config.dim as f64;
    let video = load.video as f64;
    let patch = config.patch_values() as f64;
    let segment = mechanism.segments.first();
    let (references, remembered) = (load.references as f64, load.remembered as f64);
    let reference_sees = segment
        .map_or(0.0, |at| if at.attends_to.is_empty() { video + references } else { references });
    let reads = segment.is_some_and(|segment| segment.sees_text);
    let adapted = if segment.is_some_and(|at| at.adapter.is_some()) { references } else { 0.0 };
    let adapted = adapted + if mechanism.adapter.is_some() { video } else { 0.0 };
    let readers = video + if reads { references } else { 0.0 };
    let block = Block { d, ffn: config.ffn_dim as f64, texts: texts(mechanism, load) };
    let mut total = config.blocks as f64
        * (block.tokens(video + references)
            + 2.0 * d * (video * (video + references + remembered) + references * reference_sees)
            + block.reading(readers)
            + 6.0 * adapted * load.rank as f64 * d);
    if let Some(vace) = &config.vace {
        let more =
            if mechanism.adapter.is_some() { 6.0 * video * load.rank as f64 * d } else { 0.0 };
        let each = block.tokens(video) + 2.0 * d * video * video + block.reading(video) + more;
        total += vace.blocks.len() as f64 * (each + video * d * d);
        total += video * d * (vace.in_channels as f64 * patch + d);
    }
    if let Some(face) = mechanism.face {
        let inner = (face.cross_heads * face.cross_head_dim) as f64;
        let queries = face.queries as f64;
        let each = 2.0 * video * d * inner
            + 2.0 * queries * face.out_dim as f64 * inner
            + 2.0 * video * queries * inner;
        total += config.blocks.div_ceil(face.interval) as f64 * each;
    }
    total += (video + references) * d * config.in_channels as f64 * patch;
    total += video * d * config.out_channels as f64 * patch;
    total += d * (load.text as f64 * (config.text_dim as f64 + d) + 7.0 * d);
    2.0 * total
}

/// Rows that cross-attention reads: one sum of them for text, and for image tokens of their own.
fn texts(mechanism: &Mechanism, load: Load) -> Vec<f64> {
    let (text, image) = (load.text as f64, load.image as f64);
    match mechanism.image.map(|image| image.enters) {
        Some(ImageEntry::Text) => vec![text + image],
        Some(ImageEntry::Attention) => vec![text, image],
        None => vec![text],
    }
}

struct Block {
    d: f64,
    ffn: f64,
    texts: Vec<f64>,
}

impl Block {
    /// Queries, keys, values and outputs of self-attention, and the feed-forward.
    fn tokens(&self, tokens: f64) -> f64 {
        tokens * self.d * (4.0 * self.d + 2.0 * self.ffn)
    }

    /// Cross-attention of so many tokens.
    fn reading(&self, tokens: f64) -> f64 {
        let Self { d, texts, .. } = self;
        let rows: f64 = texts.iter().sum();
        d * (2.0 * tokens * d + 2.0 * rows * d + 2.0 * tokens * rows)
    }
}
