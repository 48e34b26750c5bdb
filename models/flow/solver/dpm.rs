//! DPM-Solver++ 2M.

use candle_core::{Result, Tensor};

use super::Solver;
use crate::flow::{Schedule, weighted_sum};

/// Second order from the second step on; the first and the last step are of first order, as in
/// Wan's `FlowDPMSolverMultistepScheduler` (midpoint, final σ of zero).
#[derive(Debug, Default)]
pub(super) struct DpmPlusPlus {
    /// The clean latent predicted at the step before.
    previous: Option<Tensor>,
}

impl Solver for DpmPlusPlus {
    fn step(
        &mut self,
        schedule: &Schedule,
        at: usize,
        velocity: &Tensor,
        latent: &Tensor,
    ) -> Result<Tensor> {
        let sigmas = schedule.sigmas();
        let clean = weighted_sum(&[(1.0, latent), (-sigmas[at], velocity)])?; // m = x − σv
        let h = schedule.lambda(at + 1) - schedule.lambda(at);
        // −(1−σ')·(e^(−h) − 1): the share of the clean prediction in the next latent.
        let share = -(1.0 - sigmas[at + 1]) * (-h).exp_m1();
        let previous = self.previous.take().filter(|_| at + 1 < schedule.steps());
        // D0 + ½·D1 with D0 = m and D1 = (m − m₋₁)·h/h₋₁ (Lu et al. 2022, Alg. 2).
        let slope = match previous {
            Some(_) => 0.5 * h / (schedule.lambda(at) - schedule.lambda(at - 1)),
            None => 0.0,
        };
        let before = previous.as_ref().unwrap_or(&clean);
        let next = weighted_sum(&[
            (sigmas[at + 1] / sigmas[at], latent),
            (share * (1.0 + slope), &clean),
            (-share * slope, before),
        ])?;
        self.previous = Some(clean);
        Ok(next)
    }
}
