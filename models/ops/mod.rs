//! Fused tensor operations with hand-written gradients, where candle's are slow, hold too much
//! memory, or cut the gradient without a word.
//!
//! f32 on the CPU runs kernels of ours; other devices and number types run the same mathematics on
//! plain candle operations. Results are the same bytes at any thread count.

mod activation;
mod add;
mod attention;
mod channel_norm;
mod channelwise;
mod convolution;
mod correlation;
mod entries;
mod gated_add;
mod gelu_linear;
mod gemm;
pub mod gradcheck;
mod inbox;
pub(crate) mod lanes;
mod linear;
mod modulated_norm;
mod modulation;
mod norm;
mod norm_rows;
mod pool2d;
mod recompute;
mod record;
mod rope;
mod softmax;
mod sparsemax;
mod sums;
mod values;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod thread_counts;

pub use activation::{gelu, silu};
pub use add::add;
pub use attention::{attention, attention_blhd};
pub use channel_norm::channel_rms_norm;
pub use channelwise::{channel_affine, prelu};
pub use convolution::{Conv2d, Conv3d, conv2d, conv3d};
pub use correlation::{Pool, pooled_correlation};
pub use entries::reshape;
pub use gated_add::gated_add;
pub use gelu_linear::gelu_linear;
pub use gradcheck::gradcheck;
pub use linear::linear;
pub use modulated_norm::modulated_norm;
pub use norm::{layer_norm, rms_norm};
pub use pool2d::{Pool2d, avg_pool2d, max_pool2d};
pub use recompute::recomputed;
pub use rope::rope;
pub use softmax::softmax;
pub use sparsemax::sparsemax;
pub use sums::{row_sum, token_sum};
