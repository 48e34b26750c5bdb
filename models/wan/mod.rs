//! The Wan2.1 diffusion transformer with its VACE and image branches.

mod assembly;
mod attention;
mod block;
mod config;
mod declare;
mod embed;
mod head;
mod injection;
mod memory;
mod model;
mod names;
mod piece;
mod remembered;
mod rotary;
mod run;
mod segment;
mod span;
mod vace;

#[cfg(test)]
mod model_tests;

pub use attention::KeysValues;
pub use block::Observer;
pub use config::{ImageConfig, ModulationConfig, VaceConfig, WanConfig};
pub use head::unpatchify;
pub use injection::{Injection, InjectionKind, SharedInput};
pub use memory::{AttentionMemory, MemoryNeed, Mode, Workload};
pub use model::{AfterBlock, Wan, WanInput};
pub use names::{base_of_named_modulation, diffusers_from_original, original_from_diffusers};
pub use remembered::{Remembered, RememberedText};
pub use rotary::{Grid, Rotary, RotaryAxes};
pub use segment::{Attends, Segment, Tokens};
pub use vace::VaceInput;
