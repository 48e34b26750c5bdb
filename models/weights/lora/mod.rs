//! Files of low-rank adapters in every public style.

mod adapter_config;
mod encode;
mod key;
mod weights;

pub use encode::{EncodedLora, LoraStyle};
pub use weights::{LoraLayer, LoraWeights};
