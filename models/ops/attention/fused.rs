//! The attention operation: shape checks, choice of path, and the backward rules.

use candle_core::{Result, Tensor, bail};

use super::chunked;
use super::tiled::{self, Sizes};
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
/// # Shapes
/// `q` (B, L, H, Dh), `k` and `v` (B, M, H, Dh) with M ≥ 1 → (B, L, H, Dh).
///
/// # Errors
/// When the shapes do not fit together.
pub fn attention_blhd(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    check_shapes(&q.transpose(1, 2)?, &k.transpose(1, 2)?, &v.transpose(1, 2)?)?;
    if !on_fast_path(&[q, k, v]) {
        let heads_first = |x: &Tensor| x.transpose(1, 2)?.contiguous();
        let (q, k, v) = (heads_first(q)?, heads_first(k)?, heads_first(v)?);
        let value = chunked::forward(&q.detach(), &k.detach(), &v.detach())?;
        return record([&q, &k, &v], Value::Plain(value), Chunked)?.transpose(1, 2);
    }
    let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
    let sizes = Sizes::of(&q, &k)?;
    let (out, log_sums) =
        with_values([&q, &k, &v], |[q, k, v]| Ok(tiled::forward((q, k, v), sizes)))?;
    record([&q, &k, &v], Value::host(out, q.shape()), Tiled { log_sums })
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

/// The plain rule, on operands (B, H, L, Dh).
struct Chunked;

impl Rule<3> for Chunked {
    const NAME: &'static str = "attention";

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let gradients = chunked::gradients(&step.operands, &step.output, &step.grad)?;
        let mut wanted = step.wanted.into_iter();
        Ok(gradients.map(|gradient| wanted.next().unwrap_or(false).then_some(gradient)))
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
