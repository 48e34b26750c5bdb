//! Eq. 3 of the paper: each dictionary element's correlation with the tokens of a face, pooled.
//!
//! The B×L×C correlation tensor is never formed: with C = 32768 elements it would be gigabytes,
//! several times over in the backward pass. Maximum pooling computes it tile by tile in cache and
//! keeps the winning token of every pair; mean and sum are linear and pool the tokens first.

use candle_core::{Result, Tensor};

use super::chunked;
use super::tiled::{self, Sizes, Winners};
use crate::ops::record::{Rule, Step, Value, record};
use crate::ops::values::{on_fast_path, tensor_like, with_values};
use crate::ops::{linear, token_sum};

/// How the correlations of one element with all tokens become one weight (Table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest; the first token wins ties.
    Max,
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
}

/// Eq. 3: `W[b, c]` = pool over l of `⟨E[b, l], D[c]⟩`.
///
/// A maximum that falls on a NaN is NaN. Operands that ask for no gradient get none computed.
///
/// # Shapes
/// `tokens_bld` (B, L, D) with L ≥ 1, `dictionary_cd` (C, D) → (B, C).
///
/// # Errors
/// When the shapes do not fit together.
pub fn pooled_correlation(
    tokens_bld: &Tensor,
    dictionary_cd: &Tensor,
    pool: Pool,
) -> Result<Tensor> {
    check_shapes(tokens_bld, dictionary_cd)?;
    match pool {
        Pool::Max => max_pooled(&tokens_bld.contiguous()?, &dictionary_cd.contiguous()?),
        // Σ_l ⟨e_l, d_c⟩ = ⟨Σ_l e_l, d_c⟩
        Pool::Sum => linear(&token_sum(tokens_bld)?, dictionary_cd, None),
        Pool::Mean => {
            let mean_bd = (token_sum(tokens_bld)? / tokens_bld.dim(1)? as f64)?;
            linear(&mean_bd, dictionary_cd, None)
        }
    }
}

fn check_shapes(tokens: &Tensor, dictionary: &Tensor) -> Result<()> {
    match (tokens.dims(), dictionary.dims()) {
        ([_, tokens, width], [_, width_d]) if width == width_d && *tokens > 0 => Ok(()),
        (tokens, dictionary) => candle_core::bail!(
            "`pooled_correlation` expects tokens (B, L, D) with L ≥ 1 and a dictionary (C, D) of \
             the same width D, found {tokens:?} and {dictionary:?}"
        ),
    }
}

fn max_pooled(tokens: &Tensor, dictionary: &Tensor) -> Result<Tensor> {
    let sizes = Sizes::of(tokens, dictionary)?;
    // The dictionary comes first: candle adds up an operation's gradients in the order of its
    // operands and frees each, so the small one is gone when the large one is copied.
    let operands = [dictionary, tokens];
    if on_fast_path(&operands) && sizes.fit() {
        let (weights, winners) = with_values(operands, |[d, e]| Ok(tiled::forward(e, d, sizes)))?;
        let value = Value::host(weights, (sizes.batch, sizes.elements));
        return record(operands, value, TiledMax { winners });
    }
    let (weights, winners) = chunked::forward(&tokens.detach(), &dictionary.detach())?;
    record(operands, Value::Plain(weights), ChunkedMax { winners })
}

struct TiledMax {
    winners: Winners,
}

impl Rule<2> for TiledMax {
    const NAME: &'static str = "pooled_correlation";
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let [dictionary, tokens] = &step.operands;
        let [want_dictionary, want_tokens] = step.wanted;
        let sizes = Sizes::of(tokens, dictionary)?;
        with_values([dictionary, tokens, &step.grad], |[d, e, grad]| {
            let in_dictionary = want_dictionary
                .then(|| tiled::dictionary_gradient(&self.winners, grad, e, sizes))
                .map(|values| tensor_like(values, dictionary));
            let in_tokens = want_tokens
                .then(|| tiled::token_gradient(&self.winners, grad, d, sizes))
                .map(|values| tensor_like(values, tokens));
            Ok([in_dictionary.transpose()?, in_tokens.transpose()?])
        })
    }
}

struct ChunkedMax {
    winners: Tensor,
}

impl Rule<2> for ChunkedMax {
    const NAME: &'static str = "pooled_correlation";
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        chunked::gradients(&self.winners, step)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{D, DType, Device, Tensor, Var};

    use super::{Pool, pooled_correlation};
    use crate::ops::agreement::{assert_agrees, sample};

    fn dense(tokens: &Tensor, dictionary: &Tensor, pool: Pool) -> candle_core::Result<Tensor> {
        let correlation = tokens.broadcast_matmul(&dictionary.t()?)?;
        match pool {
            Pool::Max => correlation.max(1),
            Pool::Mean => correlation.mean(1),
            Pool::Sum => correlation.sum(1),
        }
    }

    #[test]
    fn every_pool_agrees_with_the_dense_composition() {
        for pool in [Pool::Max, Pool::Mean, Pool::Sum] {
            for (b, l, d, c) in [(1, 1, 1, 1), (3, 4, 5, 7), (2, 3, 6, 18)] {
                let inputs = [sample((b, l, d), 1), sample((c, d), 2)];
                let fused = |x: &[Tensor]| pooled_correlation(&x[0], &x[1], pool);
                let naive = |x: &[Tensor]| dense(&x[0], &x[1], pool);
                assert_agrees(&fused, &naive, &inputs);
            }
        }
    }

    /// Several tiles of faces, panels of elements, and a partial one of each.
    #[test]
    fn tiles_and_panels_agree_with_the_dense_composition() {
        let (tokens, dictionary) = (sample((19, 70, 33), 3), sample((600, 33), 4));
        let run = |f: &dyn Fn(&Tensor, &Tensor) -> Tensor| {
            let (e, d) =
                (Var::from_tensor(&tokens).unwrap(), Var::from_tensor(&dictionary).unwrap());
            let w = f(&e, &d);
            let grads = w.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [w.detach(), grads.get(&e).unwrap().clone(), grads.get(&d).unwrap().clone()]
        };
        let fused = run(&|e, d| pooled_correlation(e, d, Pool::Max).unwrap());
        let naive = run(&|e, d| dense(e, d, Pool::Max).unwrap());
        for (fused, naive) in fused.iter().zip(&naive) {
            let error = (fused - naive).unwrap().abs().unwrap().max_all().unwrap();
            let size = naive.abs().unwrap().max_all().unwrap();
            let ratio = error.to_scalar::<f32>().unwrap() / size.to_scalar::<f32>().unwrap();
            assert!(ratio < 1e-5, "{ratio}");
        }
    }

    #[test]
    fn the_first_of_equal_maxima_takes_the_whole_gradient() {
        for dtype in [DType::F32, DType::F64] {
            let e = Tensor::new(&[[[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]]], &Device::Cpu).unwrap();
            let e = Var::from_tensor(&e.to_dtype(dtype).unwrap()).unwrap();
            let d = Tensor::new(&[[1.0, 1.0]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let loss = pooled_correlation(&e, &d, Pool::Max).unwrap().sum_all().unwrap();
            let grads = loss.backward().unwrap();
            let grad = grads.get(&e).unwrap().to_dtype(DType::F64).unwrap();
            assert_eq!(
                grad.to_vec3::<f64>().unwrap(),
                [[[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]],
                "{dtype:?}"
            );
        }
    }

    #[test]
    fn a_nan_reaches_the_weights_and_frozen_operands_get_no_gradient() {
        let mut values = vec![0.5_f32; 12];
        values[5] = f32::NAN;
        let e = Tensor::from_vec(values, (1, 3, 4), &Device::Cpu).unwrap();
        let d = Var::from_tensor(&sample((20, 4), 5)).unwrap();
        let w = pooled_correlation(&e, &d, Pool::Max).unwrap();
        assert!(w.to_vec2::<f32>().unwrap()[0].iter().all(|w| w.is_nan()));
        let grads = w.sum(D::Minus1).unwrap().backward().unwrap();
        assert!(grads.get(&e).is_none() && grads.get(&d).is_some());
    }

    #[test]
    fn shapes_that_do_not_fit_are_both_named() {
        let error =
            pooled_correlation(&sample((2, 3, 4), 0), &sample((5, 6), 0), Pool::Max).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("[2, 3, 4]") && text.contains("[5, 6]"), "{text}");
    }
}
