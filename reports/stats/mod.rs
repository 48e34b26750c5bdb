//! Statistics whose unit is the identity, with training seeds as an outer level.

mod crossed;
mod draws;
mod frame;
mod holm;
mod means;
mod permutation;
mod power;
mod student;

pub(crate) use frame::same;
pub use frame::{Difference, Estimate, Frame, Settings};
pub use holm::holm;
pub use power::detectable;
