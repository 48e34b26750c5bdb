//! Files of pretrained weights: safetensors and PyTorch pickles, whole or in shards, under any of
//! the public namings, with a strict account of what fits and what does not. The one place in this
//! crate that reads files.

mod bytes;
mod error;
mod files;
mod finite;
mod load;
mod lora;
mod naming;
mod pickle;
mod place;
mod published;
mod report;
mod safetensors_file;
mod shards;
mod sizes;
mod torch_file;

pub use error::{WeightError, WeightResult};
pub use files::WeightFiles;
pub use load::load_into;
pub use lora::{EncodedLora, LoraLayer, LoraStyle, LoraWeights};
pub use naming::{Family, Naming};
pub use published::{load_published, load_published_adapters};
pub use report::{KeyReport, Misshaped};
pub use sizes::{Configuration, umt5_sizes, vae_family, vae_sizes, wan_sizes};
