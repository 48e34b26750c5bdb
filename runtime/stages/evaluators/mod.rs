//! The in-world evaluators: training them on clips of the embedded heads, their files, and the
//! shipped ones that measure generated clips.

mod batch;
mod captions_validity;
mod evaluator;
mod material;
mod measuring;
mod network;
mod objective;
mod pose_validity;
mod shipped;
mod surroundings;
mod train;
mod validity;
mod verification;

pub use evaluator::{Evaluator, FILE};
pub use measuring::Seen;
pub use shipped::{Evaluators, Recognition};

pub(super) use train::run;
pub(super) use validity::measure;
