//! `ffrun publish`: keeping a finished run as a record in a repository.

mod error;
mod listing;
mod verb;

pub(super) use verb::publish;
