//! Solvers of dx/dσ = v: one file each.

mod dpm;
mod euler;
mod kind;
mod unipc;

pub use kind::{Solver, SolverKind};
