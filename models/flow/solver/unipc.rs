//! UniPC of order 2 (variant bh2) on predictions of the clean latent.

use candle_core::{Result, Tensor};

use super::Solver;
use crate::flow::{Schedule, weighted_sum};

/// Predictor and corrector (Zhao et al. 2023, in the closed form for order 2). The corrector redoes
/// the step before with the prediction made at its end; it costs no pass through the network.
#[derive(Debug, Default)]
pub(super) struct UniPc {
    past: Option<Past>,
}

/// What the step before leaves.
#[derive(Debug)]
struct Past {
    /// The (corrected) latent it started from.
    latent: Tensor,
    /// The clean latent m predicted there.
    clean: Tensor,
    /// The clean latent of the step before that; absent when the step was of order 1.
    earlier: Option<Tensor>,
}

impl Solver for UniPc {
    fn step(
        &mut self,
        schedule: &Schedule,
        at: usize,
        velocity: &Tensor,
        latent: &Tensor,
    ) -> Result<Tensor> {
        // m = x − σv is formed from the latent *before* it is corrected.
        let clean = weighted_sum(&[(1.0, latent), (-schedule.sigmas()[at], velocity)])?;
        let (latent, earlier) = match self.past.take() {
            Some(past) => (corrected(schedule, at, &past, &clean)?, Some(past.clean)),
            None => (latent.clone(), None),
        };
        let earlier = earlier.filter(|_| at + 1 < schedule.steps()); // the last step is of order 1
        let past = Past { latent, clean, earlier };
        let next = predicted(schedule, at, &past)?;
        self.past = Some(past);
        Ok(next)
    }
}

/// The latent at σ' = σ of `at + 1`: (σ'/σ)·x − α'·B·(m + ½·D), D = (m₋₁ − m)/r at order 2.
fn predicted(schedule: &Schedule, at: usize, now: &Past) -> Result<Tensor> {
    let sigmas = schedule.sigmas();
    let h = schedule.lambda(at + 1) - schedule.lambda(at);
    let share = -(1.0 - sigmas[at + 1]) * (-h).exp_m1(); // −α'·B
    let slope = match now.earlier {
        Some(_) => 0.5 * h / (schedule.lambda(at - 1) - schedule.lambda(at)), // ½/r
        None => 0.0,
    };
    weighted_sum(&[
        (sigmas[at + 1] / sigmas[at], &now.latent),
        (share * (1.0 - slope), &now.clean),
        (share * slope, now.earlier.as_ref().unwrap_or(&now.clean)),
    ])
}

/// The latent at `at`, from the step before redone with `clean`, the prediction at its end:
/// (σ/σ₋₁)·x₋₁ − α·B·(m₋₁ + ρ₁·(m₋₂ − m₋₁)/r + ρ₂·(m − m₋₁)).
fn corrected(schedule: &Schedule, at: usize, past: &Past, clean: &Tensor) -> Result<Tensor> {
    let sigmas = schedule.sigmas();
    let h = schedule.lambda(at) - schedule.lambda(at - 1);
    let b = (-h).exp_m1();
    let share = -(1.0 - sigmas[at]) * b; // −α·B
    let (slope, end) = match past.earlier {
        Some(_) => {
            let r = (schedule.lambda(at - 2) - schedule.lambda(at - 1)) / h;
            // ρ₁ + ρ₂ = φ₁/B and r·ρ₁ + ρ₂ = 2·φ₂/B, with φ of a = −h.
            let phi_1 = b / -h - 1.0;
            let phi_2 = phi_1 / -h - 0.5;
            let rho_1 = (2.0 * phi_2 / b - phi_1 / b) / (r - 1.0);
            (rho_1 / r, phi_1 / b - rho_1)
        }
        None => (0.0, 0.5), // order 1 takes ρ = ½
    };
    weighted_sum(&[
        (sigmas[at] / sigmas[at - 1], &past.latent),
        (share * (1.0 - slope - end), &past.clean),
        (share * slope, past.earlier.as_ref().unwrap_or(&past.clean)),
        (share * end, clean),
    ])
}
