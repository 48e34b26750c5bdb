//! Maximum-pooled correlation on plain candle operations, for other devices and number types, in
//! chunks of the batch that keep the correlation tensor small.

use candle_core::{D, Result, Tensor};

use crate::ops::record::Step;

/// Correlations formed at a time: 256 MiB of f32.
const CHUNK_ELEMENTS: usize = 1 << 26;

fn chunk(tokens: usize, elements: usize) -> usize {
    (CHUNK_ELEMENTS / (tokens * elements).max(1)).max(1)
}

fn positions(tokens: usize, like: &Tensor) -> Result<Tensor> {
    Tensor::arange(0, tokens as u32, like.device())
}

/// The pooled weights (B, C) and the winning tokens (B, C) as u32.
pub(super) fn forward(tokens: &Tensor, dictionary: &Tensor) -> Result<(Tensor, Tensor)> {
    let (batch, token_count, _) = tokens.dims3()?;
    let elements = dictionary.dim(0)?;
    let step = chunk(token_count, elements);
    let (mut weights, mut winners) = (Vec::new(), Vec::new());
    for start in (0..batch).step_by(step) {
        let part = tokens.narrow(0, start, step.min(batch - start))?;
        // (b, C, L): the token dimension last, so that the reductions read contiguously.
        let correlation = dictionary.broadcast_matmul(&part.transpose(1, 2)?.contiguous()?)?;
        let best = correlation.max_keepdim(D::Minus1)?;
        // Not candle's arg-max: which of several equal maxima it returns differs by device.
        let at_best = correlation.broadcast_eq(&best)?;
        let index = positions(token_count, tokens)?.broadcast_as(at_best.shape())?;
        let none = Tensor::full(u32::MAX, at_best.shape(), tokens.device())?;
        winners.push(at_best.where_cond(&index.contiguous()?, &none)?.min(D::Minus1)?);
        weights.push(best.squeeze(D::Minus1)?);
    }
    Ok((Tensor::cat(&weights, 0)?, Tensor::cat(&winners, 0)?))
}

/// The gradients in dictionary and tokens, through a one-hot matrix of the winners.
pub(super) fn gradients(winners: &Tensor, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
    let [dictionary, tokens] = &step.operands;
    let [want_dictionary, want_tokens] = step.wanted;
    let (batch, token_count, width) = tokens.dims3()?;
    let elements = dictionary.dim(0)?;
    let size = chunk(token_count, elements);
    let positions = positions(token_count, tokens)?;
    let (mut in_tokens, mut in_dictionary) = (Vec::new(), None);
    for start in (0..batch).step_by(size) {
        let count = size.min(batch - start);
        let chosen = winners
            .narrow(0, start, count)?
            .unsqueeze(D::Minus1)?
            .broadcast_eq(&positions.reshape((1, 1, token_count))?)?
            .to_dtype(tokens.dtype())?;
        let grad = step.grad.narrow(0, start, count)?.unsqueeze(D::Minus1)?;
        let spread_bcl = chosen.broadcast_mul(&grad)?;
        if want_tokens {
            let spread_blc = spread_bcl.transpose(1, 2)?.contiguous()?;
            in_tokens.push(spread_blc.broadcast_matmul(dictionary)?);
        }
        if want_dictionary {
            let spread = spread_bcl.transpose(0, 1)?.contiguous()?;
            let spread = spread.reshape((elements, count * token_count))?;
            let part = tokens.narrow(0, start, count)?.contiguous()?;
            let part = spread.matmul(&part.reshape((count * token_count, width))?)?;
            in_dictionary = Some(match in_dictionary {
                None => part,
                Some(sum) => (sum + part)?,
            });
        }
    }
    let in_tokens = if in_tokens.is_empty() { None } else { Some(Tensor::cat(&in_tokens, 0)?) };
    Ok([in_dictionary, in_tokens])
}
