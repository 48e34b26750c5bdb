//! Attention on plain candle operations, for other devices and number types, in chunks of the
//! queries; the backward pass computes the probabilities again, so nothing L×L is kept.

use candle_core::{D, DType, Result, Tensor};

/// Scores formed at a time: 256 MiB of f32.
const CHUNK_ELEMENTS: usize = 1 << 26;

fn chunk(q: &Tensor, k: &Tensor) -> Result<usize> {
    let (batch, heads, keys, _) = k.dims4()?;
    let rows = CHUNK_ELEMENTS / (batch * heads * keys).max(1);
    Ok(rows.clamp(1, q.dim(2)?.max(1)))
}

/// 1 / √Dh.
fn scale(q: &Tensor) -> Result<f64> {
    Ok(1.0 / (q.dim(D::Minus1)? as f64).sqrt())
}

/// Softmax of the scores of some queries; half precision is widened for it, as sums of many small
/// probabilities lose too much otherwise.
fn probabilities(q: &Tensor, k_transposed: &Tensor) -> Result<Tensor> {
    let wide = if q.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let scores = (q.matmul(k_transposed)?.to_dtype(wide)? * scale(q)?)?;
    candle_nn::ops::softmax(&scores, D::Minus1)?.to_dtype(q.dtype())
}

/// The attention of contiguous, detached operands.
pub(super) fn forward(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (queries, step) = (q.dim(2)?, chunk(q, k)?);
    let k_transposed = k.t()?;
    let parts = (0..queries)
        .step_by(step)
        .map(|start| {
            let q = q.narrow(2, start, step.min(queries - start))?.contiguous()?;
            probabilities(&q, &k_transposed)?.matmul(v)
        })
        .collect::<Result<Vec<_>>>()?;
    if parts.is_empty() { q.zeros_like() } else { Tensor::cat(&parts, 2) }
}

/// The gradients in q, k and v.
pub(super) fn gradients(
    [q, k, v]: &[Tensor; 3],
    out: &Tensor,
    grad: &Tensor,
) -> Result<[Tensor; 3]> {
    let (queries, step, scale) = (q.dim(2)?, chunk(q, k)?, scale(q)?);
    let (k_transposed, v_transposed) = (k.t()?, v.t()?);
    let along = (out * grad)?.sum_keepdim(D::Minus1)?;
    let (mut in_q, mut in_k, mut in_v) = (Vec::new(), k.zeros_like()?, v.zeros_like()?);
    for start in (0..queries).step_by(step) {
        let part = |x: &Tensor| x.narrow(2, start, step.min(queries - start))?.contiguous();
        let (q, grad) = (part(q)?, part(grad)?);
        let p = probabilities(&q, &k_transposed)?;
        in_v = (in_v + p.transpose(2, 3)?.contiguous()?.matmul(&grad)?)?;
        let slope = grad.matmul(&v_transposed)?.broadcast_sub(&part(&along)?)?;
        let in_scores = ((p * slope)? * scale)?;
        in_q.push(in_scores.matmul(k)?);
        in_k = (in_k + in_scores.transpose(2, 3)?.contiguous()?.matmul(&q)?)?;
    }
    let in_q = if in_q.is_empty() { q.zeros_like()? } else { Tensor::cat(&in_q, 2)? };
    Ok([in_q, in_k, in_v])
}
