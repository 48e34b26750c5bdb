//! What `report(results)` and `claims(results)` call: they read results and declare what is drawn.

mod anchor;
mod builders;
mod chart;
mod drawing;
mod losing;
mod natives;
mod picture;
mod poses;
mod published;
mod results;
mod table;
mod verdict;

pub(super) use anchor::Unsaved;
pub(super) use natives::register;
pub(super) use results::handle;
pub(super) use table::everything;
