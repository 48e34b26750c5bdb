//! The attention operation: shape checks, choice of path, and the backward rules.

use candle_core::{DType, Result, Tensor, bail};

use super::tiled::{self, Sizes};
use super::{chunked, flash};
use crate::ops::record::{Rule, Step, Value, record};
use crate::ops::values::{on_fast_path, tensor_like, with_values};

/// softmax(q·kᵀ / √Dh)·v, each head by itself, heads first: [`attention_blhd`] on transposed views.
///
/// # Shapes
/// `q` (B, H, L, Dh), `k` and `v` (B, H, M, Dh) with M ≥ 1 → (B, H, L, Dh).
///
/// # Errors
/// When the shapes do not fit together.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    check_shapes(q, k, v)?;
    let token_major = |x: &Tensor| x.transpose(1, 2);
    attention_blhd(&token_major(q)?, &token_major(k)?, &token_major(v)?)?.transpose(1, 2)
}

/// softmax(q·kᵀ / √Dh)·v, each head by itself.
///
/// f32 on the CPU takes our kernels. Half precision on CUDA takes FlashAttention where Dh allows,
/// which needs the feature `flash-attn`. All else runs on plain operations, in chunks.
///
/// # Shapes
/// `q` (B, L, H, Dh), `k` and `v` (B, M, H, Dh) with M ≥ 1 → (B, L, H, Dh).
///
/// # Errors
/// When the shapes do not fit together, or FlashAttention is needed and not built in.
pub fn attention_blhd(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    check_shapes(&q.transpose(1, 2)?, &k.transpose(1, 2)?, &v.transpose(1, 2)?)?;
    let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
    match Path::of(&[&q, &k, &v]) {
        Path::Tiled => {
            let sizes = Sizes::of(&q, &k)?;
            let (out, log_sums) =
                with_values([&q, &k, &v], |[q, k, v]| Ok(tiled::forward((q, k, v), sizes)))?;
            record([&q, &k, &v], Value::host(out, q.shape()), Tiled { log_sums })
        }
        Path::Flash => {
            let out = flash::forward(&q.detach(), &k.detach(), &v.detach())?;
            record([&q, &k, &v], Value::Plain(out), Chunked)
        }
        Path::Chunked => {
            let [q_, k_, v_] = [&q, &k, &v].map(|x| heads_first(&x.detach()));
            let out = heads_first(&chunked::forward(&q_?, &k_?, &v_?)?)?;
            record([&q, &k, &v], Value::Plain(out), Chunked)
        }
    }
}

/// How an attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Our kernels on the CPU.
    Tiled,
    /// FlashAttention on CUDA; its gradients by chunks, as the crate has no kernel for them.
    Flash,
    /// Plain operations on chunks of the queries.
    Chunked,
}

impl Path {
    fn of(operands: &[&Tensor; 3]) -> Self {
        let [q, ..] = operands;
        let half = matches!(q.dtype(), DType::BF16 | DType::F16);
        // What FlashAttention's kernels are made for.
        let width = q.dims().last().is_some_and(|width| width % 8 == 0 && *width <= 256);
        if on_fast_path(operands) {
            Self::Tiled
        } else if q.device().is_cuda() && half && width {
            Self::Flash
        } else {
            Self::Chunked
        }
    }
}

/// (B, L, H, Dh) as (B, H, L, Dh) or back, without gaps.
fn heads_first(x: &Tensor) -> Result<Tensor> {
    x.transpose(1, 2)?.contiguous()
}

fn check_shapes(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<()> {
    match (q.dims(), k.dims()) {
        ([batch, heads, _, width], [batch_k, heads_k, keys, width_k])
            if (batch, heads, width) == (batch_k, heads_k, width_k)
                && *keys > 0
                && *width > 0
                && v.dims() == k.dims() =>
        {
            Ok(())
        }
        (q, k) => bail!(
            "`attention` expects q (B, H, L, Dh) and k, v (B, H, M, Dh) with M ≥ 1, \
             found {q:?}, {k:?} and {:?}",
            v.dims()
        ),
    }
}

/// The CPU kernels' rule, on operands (B, L, H, Dh).
struct Tiled {
    /// Log of the sum of exponentials of every score row, B×L×H.
    log_sums: Vec<f32>,
}

impl Rule<3> for Tiled {
    const NAME: &'static str = "attention";

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let [q, k, v] = &step.operands;
        let sizes = Sizes::of(q, k)?;
        let found = with_values([q, k, v, &step.output, &step.grad], |[q, k, v, out, grad]| {
            let saved = tiled::Saved { q, k, v, out, log_sums: &self.log_sums };
            Ok(tiled::backward(saved, grad, sizes))
        })?;
        let [want_q, want_k, want_v] = step.wanted;
        Ok([
            want_q.then(|| tensor_like(found.q, q)).transpose()?,
            want_k.then(|| tensor_like(found.k, k)).transpose()?,
            want_v.then(|| tensor_like(found.v, v)).transpose()?,
        ])
    }
}

/// The plain rule, on operands (B, L, H, Dh): nothing but them and the output is kept, and the
/// probabilities are computed again.
struct Chunked;

impl Rule<3> for Chunked {
    const NAME: &'static str = "attention";

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let [q, k, v] = step.operands.each_ref().map(heads_first);
        let (out, grad) = (heads_first(&step.output)?, heads_first(&step.grad)?);
        let [in_q, in_k, in_v] = chunked::gradients(&[q?, k?, v?], &out, &grad)?;
        let [want_q, want_k, want_v] = step.wanted;
        Ok([
            want_q.then(|| heads_first(&in_q)).transpose()?,
            want_k.then(|| heads_first(&in_k)).transpose()?,
            want_v.then(|| heads_first(&in_v)).transpose()?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{D, Result, Tensor};

    use super::attention;
    use crate::ops::agreement::{assert_agrees, sample};

    fn dense(x: &[Tensor]) -> Result<Tensor> {
        let scale = 1.0 / (x[0].dim(D::Minus1)? as f64).sqrt();
        let scores = (x[0].contiguous()?.matmul(&x[1].t()?)? * scale)?;
        candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&x[2].contiguous()?)
    }

    #[test]
    fn value_and_gradients_agree_with_the_dense_composition() {
        for (b, h, queries, keys, width) in
            [(1, 1, 1, 1, 1), (2, 2, 3, 3, 4), (1, 2, 5, 9, 3), (1, 1, 70, 6, 2)]
        {
            let inputs = [
                sample((b, h, queries, width), 1),
                sample((b, h, keys, width), 2),
                sample((b, h, keys, width), 3),
            ];
            assert_agrees(&|x| attention(&x[0], &x[1], &x[2]), &dense, &inputs);
        }
    }

    #[test]
    fn transposed_views_are_accepted() {
        let inputs = [sample((2, 5, 2, 4), 1), sample((2, 6, 2, 4), 2), sample((2, 6, 2, 4), 3)];
        let heads = |x: &[Tensor]| x.iter().map(|x| x.transpose(1, 2)).collect::<Result<Vec<_>>>();
        let fused = |x: &[Tensor]| {
            let x = heads(x)?;
            attention(&x[0], &x[1], &x[2])?.transpose(1, 2)
        };
        let naive = |x: &[Tensor]| {
            let x = heads(x)?.iter().map(Tensor::contiguous).collect::<Result<Vec<_>>>()?;
            dense(&x)?.transpose(1, 2)
        };
        assert_agrees(&fused, &naive, &inputs);
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let (q, k) = (sample((1, 2, 3, 4), 1), sample((1, 2, 3, 5), 2));
        let text = attention(&q, &k, &k).unwrap_err().to_string();
        assert!(text.contains("[1, 2, 3, 4]") && text.contains("[1, 2, 3, 5]"), "{text}");
    }
}
