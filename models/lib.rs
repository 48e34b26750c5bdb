//! The networks, losses, fused ops and optimisers of ffrun. Knows candle and nothing of scripts,
//! files or the command line.
//!
//! Shape letters, used in every `# Shapes` section and as suffixes where a shape changes
//! (`weights_bc`): B batch, N matched pairs, L tokens, D width, C dictionary elements, H heads.
//! Videos are `[B, C, F, H, W]`: C channels, F frames, H rows, W columns.

pub mod aligner;
pub mod baselines;
pub mod checkpoint;
pub mod codec;
pub mod dictionary;
pub mod ema;
pub mod error;
pub mod euler;
pub mod eval;
pub mod evaluators;
pub mod flow;
pub mod grad_cache;
pub mod gradients;
pub mod layer_norm;
pub mod linear;
pub mod lora;
pub mod loss;
pub mod lr;
pub mod muon;
pub mod onnx;
pub mod ops;
pub mod optim;
pub mod params;
pub mod pipeline;
pub mod pose_variation;
pub mod rotation;
pub mod sinusoid;
pub mod stream;
pub mod text;
pub mod umt5;
pub mod vace;
pub mod vae;
pub mod vit;
pub mod wan;
pub mod weights;

mod fused_adamw;
mod host_values;
mod tridiagonal;

#[cfg(test)]
mod learning_tests;
#[cfg(test)]
mod parameter_gradients;
