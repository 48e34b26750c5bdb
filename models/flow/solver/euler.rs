//! The Euler solver.

use candle_core::{Result, Tensor};

use super::Solver;
use crate::flow::{Schedule, weighted_sum};

/// x ← x + (σ' − σ)·v. Keeps nothing from step to step.
#[derive(Debug)]
pub(super) struct Euler;

impl Solver for Euler {
    fn step(
        &mut self,
        schedule: &Schedule,
        at: usize,
        velocity: &Tensor,
        latent: &Tensor,
    ) -> Result<Tensor> {
        let step = schedule.sigmas()[at + 1] - schedule.sigmas()[at];
        weighted_sum(&[(1.0, latent), (step, velocity)])
    }
}
