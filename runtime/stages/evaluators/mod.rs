//! The in-world evaluators: training them on clips of the embedded heads, their files, and the
//! shipped ones that measure generated clips.

mod agreement;
mod batch;
mod captions_validity;
mod evaluator;
mod material;
mod measuring;
mod network;
mod objective;
mod photographs;
mod pose_validity;
mod public;
mod shipped;
mod surroundings;
mod train;
mod validity;
mod verification;

pub use evaluator::{Evaluator, FILE};
pub use measuring::Seen;
pub use public::{PublicFiles, photographs_in};
pub use shipped::{Evaluators, Recognition};

pub(super) use agreement::agree;
pub(super) use photographs::look;
pub(super) use train::run;
pub(super) use validity::measure;
