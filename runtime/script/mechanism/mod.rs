//! Mechanisms as scripts declare them: how a base is told who is to be seen.

mod fitting;
mod handle;
mod reading;

#[cfg(test)]
mod published_tests;

pub(super) use fitting::{Fit, fit};
pub(super) use handle::{Declared, register};
