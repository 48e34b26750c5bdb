//! The two attentions of a block: among the tokens, and from the tokens to text and image.

use candle_core::{Result, Tensor};

use super::config::WanConfig;
use super::declare::{Declare, Init, Projection};
use super::rotary::Rotary;
use super::span::Span;
use crate::error::ModelResult;
use crate::ops;

/// Queries, keys and values of one span of tokens, each `[B, L, H, Dh]`.
struct Heads {
    query: Tensor,
    key: Tensor,
    value: Tensor,
}

/// Attention of every span to the spans it may see, with rotated queries and keys.
#[derive(Clone, Debug)]
pub(super) struct SelfAttention {
    query: Projection,
    key: NormedKeys,
    out: Projection,
    norm_query: Tensor,
    heads: usize,
    eps: f32,
}

impl SelfAttention {
    pub(super) fn new(config: &WanConfig, declare: &mut Declare) -> ModelResult<Self> {
        let sizes = (config.dim, config.dim);
        let query = declare.projection("q", sizes, Init::Xavier)?;
        let key = NormedKeys::new(config, declare, ["k", "v", "norm_k"])?;
        let out = declare.projection("o", sizes, Init::Xavier)?;
        let norm_query = declare.norm_weight("norm_q", config.dim)?;
        Ok(Self { query, key, out, norm_query, heads: config.heads, eps: config.eps })
    }

    /// One output a span.
    ///
    /// # Shapes
    /// - hidden: one `[B, L, D]` a span
    /// - output: the same
    pub(super) fn forward(&self, hidden: &[Tensor], spans: &[Span]) -> Result<Vec<Tensor>> {
        let heads: Vec<Heads> = hidden
            .iter()
            .zip(spans)
            .map(|(x, span)| self.heads(x, &span.rotary))
            .collect::<Result<_>>()?;
        hidden
            .iter()
            .enumerate()
            .map(|(at, x)| {
                let seen = &spans[at].attends_to;
                let keys = joined(&heads, seen, |heads| &heads.key)?;
                let values = joined(&heads, seen, |heads| &heads.value)?;
                let y = attend(&heads[at].query, &keys, &values)?;
                self.out.forward(&y.reshape(x.shape())?)
            })
            .collect()
    }

    fn heads(&self, x: &Tensor, rotary: &Rotary) -> Result<Heads> {
        let query = ops::rms_norm(&self.query.forward(x)?, &self.norm_query, self.eps)?;
        let query = ops::rope(&split(&query, self.heads)?, &rotary.cos, &rotary.sin)?;
        let (key, value) = self.key.forward(x)?;
        Ok(Heads { query, key: ops::rope(&key, &rotary.cos, &rotary.sin)?, value })
    }
}

/// The tensors of the spans seen, one after the other.
fn joined(heads: &[Heads], seen: &[usize], of: impl Fn(&Heads) -> &Tensor) -> Result<Tensor> {
    match seen {
        [one] => Ok(of(&heads[*one]).clone()),
        seen => Tensor::cat(&seen.iter().map(|&at| of(&heads[at])).collect::<Vec<_>>(), 1),
    }
}

/// Attention from tokens to the text rows and, where there is an image branch, the image tokens.
#[derive(Clone, Debug)]
pub(super) struct CrossAttention {
    query: Projection,
    text: NormedKeys,
    image: Option<NormedKeys>,
    out: Projection,
    norm_query: Tensor,
    heads: usize,
    eps: f32,
}

/// What cross-attention reads.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Embedded text rows, `[B, Lt, D]`.
    pub(super) text: Tensor,
    /// Embedded image tokens, `[B, Li, D]`.
    pub(super) image: Option<Tensor>,
}

impl CrossAttention {
    pub(super) fn new(
        config: &WanConfig,
        declare: &mut Declare,
        with_image: bool,
    ) -> ModelResult<Self> {
        let sizes = (config.dim, config.dim);
        let query = declare.projection("q", sizes, Init::Xavier)?;
        let text = NormedKeys::new(config, declare, ["k", "v", "norm_k"])?;
        let image = with_image
            .then(|| NormedKeys::new(config, declare, ["k_img", "v_img", "norm_k_img"]))
            .transpose()?;
        let out = declare.projection("o", sizes, Init::Xavier)?;
        let norm_query = declare.norm_weight("norm_q", config.dim)?;
        Ok(Self { query, text, image, out, norm_query, heads: config.heads, eps: config.eps })
    }

    /// # Shapes
    /// - x: `[B, L, D]`
    /// - output: `[B, L, D]`
    pub(super) fn forward(&self, x: &Tensor, context: &Context) -> Result<Tensor> {
        let query = ops::rms_norm(&self.query.forward(x)?, &self.norm_query, self.eps)?;
        let query = split(&query, self.heads)?;
        let (keys, values) = self.text.forward(&context.text)?;
        let mut y = attend(&query, &keys, &values)?;
        if let (Some(branch), Some(tokens)) = (&self.image, &context.image) {
            let (keys, values) = branch.forward(tokens)?;
            y = (y + attend(&query, &keys, &values)?)?;
        }
        self.out.forward(&y.reshape(x.shape())?)
    }
}

/// Normalised keys and plain values.
#[derive(Clone, Debug)]
struct NormedKeys {
    key: Projection,
    value: Projection,
    norm: Tensor,
    heads: usize,
    eps: f32,
}

impl NormedKeys {
    fn new(config: &WanConfig, declare: &mut Declare, names: [&str; 3]) -> ModelResult<Self> {
        let sizes = (config.dim, config.dim);
        let key = declare.projection(names[0], sizes, Init::Xavier)?;
        let value = declare.projection(names[1], sizes, Init::Xavier)?;
        let norm = declare.norm_weight(names[2], config.dim)?;
        Ok(Self { key, value, norm, heads: config.heads, eps: config.eps })
    }

    /// Keys and values, each `[B, L, H, Dh]`.
    fn forward(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        // The norm runs over the whole width, before the heads are split (METHOD §1.3).
        let key = ops::rms_norm(&self.key.forward(x)?, &self.norm, self.eps)?;
        Ok((split(&key, self.heads)?, split(&self.value.forward(x)?, self.heads)?))
    }
}

/// `[B, L, D]` → `[B, L, H, Dh]`.
fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (b, l, d) = x.dims3()?;
    x.reshape((b, l, heads, d / heads))
}

/// Attention of `[B, L, H, Dh]` to `[B, M, H, Dh]`, as `[B, L, H, Dh]`.
fn attend(query: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
    let heads_first = |x: &Tensor| x.transpose(1, 2);
    ops::attention(&heads_first(query)?, &heads_first(keys)?, &heads_first(values)?)?
        .transpose(1, 2)
}
