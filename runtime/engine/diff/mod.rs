//! The one difference engine behind plan, why, resume and watch.

mod archive;
mod changes;
mod eta;
mod fields;
mod nearest;
mod plan;
mod state;
mod why;

pub use changes::{Changes, changes};
pub use eta::Eta;
pub use fields::{FieldDiff, between};
pub use plan::{Counts, Plan, Planned};
pub use state::State;
pub(super) use state::look;
pub use why::{Why, why};
