//! The pose-shared dictionary of the aligner (paper §3.3): pooling, normaliser, elements.

mod mlp;
mod normalizer;
mod pool;
mod shared;
mod temperature;

pub use mlp::{PooledMlp, hidden_units};
pub use normalizer::{BuiltinNormalizer, CustomNormalizer, Normalizer, builtin_normalizer};
pub use pool::{DensePool, Pool, builtin_pool};
pub use shared::{AlignerOutput, Dictionary, DictionaryConfig};
pub use temperature::Temperature;
