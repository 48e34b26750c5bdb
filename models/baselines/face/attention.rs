//! Attention from one set of tokens to another of another width, without biases.

use candle_core::{D, Result, Tensor};

use crate::error::ModelResult;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::ops;
use crate::params::Params;

/// torch's default.
pub(super) const EPS: f32 = 1e-5;

/// Both sides are normalised first; no gate, no residual.
#[derive(Clone, Debug)]
pub(super) struct FaceAttention {
    norm_context: LayerNorm,
    norm_queries: LayerNorm,
    query: Linear,
    /// Keys, then values.
    keys_values: Linear,
    out: Linear,
    heads: usize,
    /// Whether the queries are among the keys, as in a perceiver.
    joins_queries: bool,
}

/// What distinguishes one attention from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) queries: usize,
    pub(super) context: usize,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
    pub(super) joins_queries: bool,
}

impl FaceAttention {
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        sizes: Sizes,
        seed: u64,
    ) -> ModelResult<Self> {
        let inner = sizes.heads * sizes.head_dim;
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            norm_context: LayerNorm::with_eps(params, &part("norm1"), sizes.context, EPS)?,
            norm_queries: LayerNorm::with_eps(params, &part("norm2"), sizes.queries, EPS)?,
            query: Linear::without_bias(params, &part("to_q"), (sizes.queries, inner), seed)?,
            keys_values: Linear::without_bias(
                params,
                &part("to_kv"),
                (sizes.context, 2 * inner),
                seed,
            )?,
            out: Linear::without_bias(params, &part("to_out"), (inner, sizes.queries), seed)?,
            heads: sizes.heads,
            joins_queries: sizes.joins_queries,
        })
    }

    /// # Shapes
    /// - context: `[B, Lc, Dc]`; x: `[B, L, D]`
    /// - output: `[B, L, D]`
    pub(super) fn forward(&self, context: &Tensor, x: &Tensor) -> Result<Tensor> {
        let context = self.norm_context.forward(context)?;
        let x = self.norm_queries.forward(x)?;
        let context = if self.joins_queries { Tensor::cat(&[&context, &x], 1)? } else { context };
        let query = self.split(&self.query.forward(&x)?)?;
        let both = self.keys_values.forward(&context)?;
        let inner = both.dim(D::Minus1)? / 2;
        let half =
            |at: usize| self.split(&both.narrow(D::Minus1, at * inner, inner)?.contiguous()?);
        let (b, l, _) = x.dims3()?;
        let read = ops::attention_blhd(&query, &half(0)?, &half(1)?)?;
        self.out.forward(&ops::reshape(&read, (b, l, inner))?)
    }

    /// `[B, L, H·Dh]` → `[B, L, H, Dh]`.
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (b, l, inner) = x.dims3()?;
        ops::reshape(x, (b, l, self.heads, inner / self.heads))
    }
}
