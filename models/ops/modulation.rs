//! The rows that modulate tokens: one for all tokens of a batch item, or one for each token.

use candle_core::{Result, Tensor, bail};

/// The extents of tokens and of the rows that modulate them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extents {
    /// B.
    pub(super) batch: usize,
    /// L.
    pub(super) tokens: usize,
    /// D.
    pub(super) width: usize,
    /// Tokens that one modulating row serves: L or 1.
    pub(super) shared_by: usize,
}

impl Extents {
    /// The extents of `x_bld` (B, L, D) under `rows` (B, 1, D) or (B, L, D).
    pub(super) fn of(op: &str, x_bld: &Tensor, (name, rows): (&str, &Tensor)) -> Result<Self> {
        let &[batch, tokens, width] = x_bld.dims() else {
            bail!("`{op}` expects tokens (B, L, D), found {:?}", x_bld.dims())
        };
        let shared_by = match *rows.dims() {
            [b, 1, d] if (b, d) == (batch, width) => tokens,
            [b, l, d] if (b, l, d) == (batch, tokens, width) => 1,
            _ => bail!(
                "`{op}` expects `{name}` of shape [{batch}, 1, {width}] or \
                 [{batch}, {tokens}, {width}], found {:?}",
                rows.shape()
            ),
        };
        Ok(Self { batch, tokens, width, shared_by })
    }
}

impl Extents {
    /// The row of `rows` that modulates a token, counted over all batch items.
    #[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
    #[inline(always)]
    pub(super) fn row(self, rows: &[f32], token: usize) -> &[f32] {
        &rows[token / self.shared_by * self.width..][..self.width]
    }
}
