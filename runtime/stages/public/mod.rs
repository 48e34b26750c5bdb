//! Public checkpoints: Wan2.1-VACE in the user's own files, found by content and never copied.

mod describe;
mod layout;
mod needs;
mod networks;
mod prompts;
mod record;
mod sizes;

pub use describe::{Described, describe};
pub use layout::{Layout, Named};
pub(super) use needs::need;
pub(super) use networks::{autoencoder, transformer};
pub(super) use prompts::prompts;
pub(super) use record::{Record, run};
pub use sizes::{least_frames, least_pixels};

use crate::engine::work::StageError;

/// A file of weights that is not as it should be is a matter of this machine, not of the stage.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn weight_error(error: ffrun_models::weights::WeightError) -> StageError {
    StageError::Environment(error.to_string())
}
