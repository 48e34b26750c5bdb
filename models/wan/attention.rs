//! The two attentions of a block: among the tokens, and from the tokens to text and image.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use candle_core::{Result, Tensor};

use super::config::WanConfig;
use super::declare::{Declare, Init, Projection};
use super::rotary::Rotary;
use super::span::Span;
use crate::error::ModelResult;
use crate::lora::Lora;
use crate::ops;

/// Keys, rotated where positions count, and values of a run of tokens, each `[B, L, H, Dh]`.
#[derive(Clone, Debug)]
pub struct KeysValues {
    /// The keys.
    pub keys: Tensor,
    /// The values.
    pub values: Tensor,
}

/// Attention of every span to the spans it may see, with rotated queries and keys.
#[derive(Clone, Debug)]
pub(super) struct SelfAttention {
    query: Projection,
    keys: NormedKeys,
    out: Projection,
    norm_query: Tensor,
    heads: usize,
    eps: f32,
}

impl SelfAttention {
    pub(super) fn new(config: &WanConfig, declare: &mut Declare) -> ModelResult<Self> {
        let sizes = (config.dim, config.dim);
        let query = declare.projection("q", sizes, Init::Xavier)?;
        let keys = NormedKeys::new(config, declare, ["k", "v", "norm_k"])?;
        let out = declare.projection("o", sizes, Init::Xavier)?;
        let norm_query = declare.norm_weight("norm_q", config.dim)?;
        Ok(Self { query, keys, out, norm_query, heads: config.heads, eps: config.eps })
    }

    /// One output a span; rotated keys and values are shown.
    ///
    /// # Shapes
    /// - hidden: one `[B, L, D]` a span
    /// - output: the same
    pub(super) fn forward(
        &self,
        hidden: &[Tensor],
        (spans, remembered): (&[Span], &[KeysValues]),
        show: &dyn Fn(usize, &str, &Tensor),
    ) -> Result<Vec<Tensor>> {
        let mut known = vec![];
        for (at, (x, span)) in hidden.iter().zip(spans).enumerate() {
            let found = self.keys_values(x, span)?;
            show(at, "self_attn.k", &found.keys);
            show(at, "self_attn.v", &found.values);
            known.push(found);
        }
        // Spans that see the same share the joined keys and values.
        let mut joined: BTreeMap<Seen, KeysValues> = BTreeMap::new();
        for span in spans {
            if let Entry::Vacant(place) = joined.entry(seen(span)) {
                let also = if span.sees_remembered { remembered } else { &[] };
                let parts = span.attends_to.iter().map(|&at| &known[at]).chain(also);
                place.insert(KeysValues::join(&parts.collect::<Vec<_>>())?);
            }
        }
        hidden
            .iter()
            .zip(spans)
            .map(|(x, span)| {
                let KeysValues { keys, values } = &joined[&seen(span)];
                let y = ops::attention_blhd(&self.queries(x, span)?, keys, values)?;
                self.out.forward(&ops::reshape(&y, x.shape())?, span.lora.as_ref())
            })
            .collect()
    }

    /// Keys and values of one span.
    ///
    /// # Shapes
    /// - x: `[B, L, D]`
    pub(super) fn keys_values(&self, x: &Tensor, span: &Span) -> Result<KeysValues> {
        let Rotary { cos, sin } = &span.rotary;
        let KeysValues { keys, values } = self.keys.forward(x, span.lora.as_ref())?;
        Ok(KeysValues { keys: ops::rope(&keys, cos, sin)?, values })
    }

    fn queries(&self, x: &Tensor, span: &Span) -> Result<Tensor> {
        let Rotary { cos, sin } = &span.rotary;
        let query = self.query.forward(x, span.lora.as_ref())?;
        let query = ops::rms_norm(&query, &self.norm_query, self.eps)?;
        ops::rope(&split(&query, self.heads)?, cos, sin)
    }
}

/// What the queries of a span see: spans, and whether what is remembered.
type Seen<'a> = (&'a [usize], bool);

fn seen(span: &Span) -> Seen<'_> {
    (&span.attends_to, span.sees_remembered)
}

impl KeysValues {
    /// The same without any graph.
    pub(super) fn detached(&self) -> Self {
        Self { keys: self.keys.detach(), values: self.values.detach() }
    }

    /// Several runs, one after the other.
    fn join(parts: &[&Self]) -> Result<Self> {
        if let [one] = parts {
            return Ok((*one).clone());
        }
        let all = |of: fn(&Self) -> &Tensor| {
            Tensor::cat(&parts.iter().map(|part| of(part)).collect::<Vec<_>>(), 1)
        };
        Ok(Self { keys: all(|part| &part.keys)?, values: all(|part| &part.values)? })
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

/// The keys and values of one cross-attention.
#[derive(Clone, Debug)]
pub(super) struct Readable {
    text: KeysValues,
    image: Option<KeysValues>,
}

impl Readable {
    /// The same without any graph.
    pub(super) fn detached(&self) -> Self {
        let image = self.image.as_ref().map(KeysValues::detached);
        Self { text: self.text.detached(), image }
    }
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

    /// Keys and values of all that is read.
    pub(super) fn readable(&self, context: &Context, lora: Option<&Lora>) -> Result<Readable> {
        let image = match (&self.image, &context.image) {
            (Some(branch), Some(tokens)) => Some(branch.forward(tokens, lora)?),
            _ => None,
        };
        Ok(Readable { text: self.text.forward(&context.text, lora)?, image })
    }

    /// # Shapes
    /// - x: `[B, L, D]`
    /// - output: `[B, L, D]`
    pub(super) fn forward(
        &self,
        x: &Tensor,
        readable: &Readable,
        lora: Option<&Lora>,
    ) -> Result<Tensor> {
        let query = ops::rms_norm(&self.query.forward(x, lora)?, &self.norm_query, self.eps)?;
        let query = split(&query, self.heads)?;
        let Readable { text: KeysValues { keys, values }, image } = readable;
        let mut y = ops::attention_blhd(&query, keys, values)?;
        if let Some(KeysValues { keys, values }) = image {
            y = ops::add(&y, &ops::attention_blhd(&query, keys, values)?)?;
        }
        self.out.forward(&ops::reshape(&y, x.shape())?, lora)
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
    fn forward(&self, x: &Tensor, lora: Option<&Lora>) -> Result<KeysValues> {
        // The norm runs over the whole width, before the heads are split (METHOD §1.3).
        let key = ops::rms_norm(&self.key.forward(x, lora)?, &self.norm, self.eps)?;
        let keys = split(&key, self.heads)?;
        Ok(KeysValues { keys, values: split(&self.value.forward(x, lora)?, self.heads)? })
    }
}

/// `[B, L, D]` → `[B, L, H, Dh]`.
fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (b, l, d) = x.dims3()?;
    ops::reshape(x, (b, l, heads, d / heads))
}
