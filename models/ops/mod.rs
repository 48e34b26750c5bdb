//! Fused tensor operations with hand-written gradients, where candle's are slow, hold too much
//! memory, or cut the gradient without a word.
//!
//! f32 on the CPU runs kernels of ours; other devices and number types run the same mathematics on
//! plain candle operations. Results are the same bytes at any thread count.

mod activation;
mod attention;
mod correlation;
mod gemm;
pub mod gradcheck;
mod lanes;
mod linear;
mod norm;
mod record;
mod softmax;
mod sparsemax;
mod sums;
mod values;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod thread_counts;

pub use activation::{gelu, silu};
pub use attention::attention;
pub use correlation::{Pool, pooled_correlation};
pub use gradcheck::gradcheck;
pub use linear::linear;
pub use norm::{layer_norm, rms_norm};
pub use softmax::softmax;
pub use sparsemax::sparsemax;
pub use sums::{row_sum, token_sum};
