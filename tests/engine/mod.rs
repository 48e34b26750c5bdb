//! The engine with a fake stage: no candle, no script.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod executor;
mod fake;
mod plan;
mod processes;
mod speed;
mod store;
mod upkeep;
