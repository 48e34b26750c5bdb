//! ffrun: scripts declare experiments on pose-faithful identity, the host computes what is
//! missing and writes CSV, charts and verdicts. ARCHITECTURE.md has the trace of a run.

pub mod cli;
pub mod data;
pub mod engine;
pub mod eval;
pub mod metrics;
pub mod script;
pub mod spec;
pub mod stages;
pub mod video;
pub mod vision;
