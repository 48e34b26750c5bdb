//! FlashAttention's forward kernel on CUDA (feature `flash-attn`).

use candle_core::{Result, Tensor};

/// The attention of contiguous bf16 or f16 operands (B, L, H, Dh) on CUDA.
#[cfg(feature = "flash-attn")]
pub(super) fn forward(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let scale = 1.0 / (q.dim(candle_core::D::Minus1)? as f32).sqrt();
    candle_flash_attn::flash_attn(q, k, v, scale, false)
}

/// Says what is missing: this build has no kernel.
#[cfg(not(feature = "flash-attn"))]
pub(super) fn forward(q: &Tensor, _: &Tensor, _: &Tensor) -> Result<Tensor> {
    Err(candle_core::Error::wrap(FlashAttentionMissing(q.dtype().as_str())))
}

/// Attention in half precision on CUDA needs a kernel that this build lacks.
#[cfg(not(feature = "flash-attn"))]
#[derive(Debug, thiserror::Error)]
#[error(
    "attention in {0} on CUDA needs a build with the feature `flash-attn`; \
     build with `--features flash-attn`, or compute in f32"
)]
struct FlashAttentionMissing(&'static str);

#[cfg(all(test, not(feature = "flash-attn")))]
mod tests {
    use candle_core::DType;

    use crate::ops::agreement::sample;

    #[test]
    fn a_build_without_the_kernel_names_the_feature() {
        let q = sample((1, 2, 1, 8), 1).to_dtype(DType::BF16).unwrap();
        let text = super::forward(&q, &q, &q).unwrap_err().to_string();
        assert!(text.contains("bf16") && text.contains("`flash-attn`"), "{text}");
    }
}
