//! Token segments: the one type through which every conditioning method feeds the backbone.

use candle_core::Tensor;

use crate::lora::Lora;

/// Tokens beside those of the video: references, registers, … (METHOD §2.9). Patch embedding,
/// norms, projections and head are the video's own; what may differ is here.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    /// The tokens.
    pub tokens: Tokens<'a>,
    /// Position of the first token (t, h, w) on the video's token grid; may be negative.
    pub origin: [i64; 3],
    /// Its own t, `[B]` or `[B, L]`; `None` is the video's.
    pub timestep: Option<&'a Tensor>,
    /// The named set of modulation weights; `None` is the video's.
    pub modulation: Option<&'a str>,
    /// Whether it takes part in cross-attention.
    pub sees_text: bool,
    /// What its queries see. The video sees everything, what is remembered included.
    pub attends_to: Attends<'a>,
    /// Whether it is denoised: it receives S where the video does, and gets a velocity of its own
    /// from [`Wan::velocities`](super::Wan::velocities). Only latents can be.
    pub noisy: bool,
    /// Adapters on its tokens; `None` is none, whatever the video has.
    pub lora: Option<&'a Lora>,
}

/// Where a segment's tokens come from.
#[derive(Clone, Copy, Debug)]
pub enum Tokens<'a> {
    /// A latent `[B, C, F, H, W]`, to be cut into patches and embedded as the video's.
    Latent(&'a Tensor),
    /// Tokens `[B, L, D]`, lying on a grid of this size along (t, h, w).
    Ready(&'a Tensor, [usize; 3]),
}

/// The segments that queries see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attends<'a> {
    /// All of them.
    All,
    /// These: 0 is the video, 1 the first of [`WanInput::segments`](super::WanInput::segments).
    Only(&'a [usize]),
    /// Itself alone.
    Itself,
}

impl<'a> Segment<'a> {
    /// Clean tokens at `origin` that are otherwise treated as the video's.
    pub fn clean(tokens: Tokens<'a>, origin: [i64; 3]) -> Self {
        Self {
            tokens,
            origin,
            timestep: None,
            modulation: None,
            sees_text: true,
            attends_to: Attends::All,
            noisy: false,
            lora: None,
        }
    }
}
