//! A sampling run: a schedule, a solver, and the step they have reached.

use candle_core::{Result, Tensor, bail};

use super::{Schedule, SigmaTable, Solver, SolverKind};
use crate::error::ModelResult;

/// What a sampling run is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerSettings {
    /// The solver.
    pub solver: SolverKind,
    /// Where the noise levels lie.
    pub table: SigmaTable,
    /// Number of steps, each with one pass through the network per guidance condition.
    pub steps: usize,
    /// Shift of the noise levels: 16 in VACE, 5 in Wan's text-to-video, 3 in its 480p
    /// image-to-video.
    pub shift: f64,
}

impl SamplerSettings {
    /// A solver with the noise levels of its public implementation.
    pub fn new(solver: SolverKind, steps: usize, shift: f64) -> Self {
        Self { solver, table: solver.usual_table(), steps, shift }
    }

    /// VACE's own: UniPC, 50 steps, shift 16.
    pub fn vace() -> Self {
        Self::new(SolverKind::UniPc, 50, 16.0)
    }
}

/// A sampling run. Ask for [`Sampler::timestep`], predict the velocity there, take
/// [`Sampler::step`], until there is no timestep left.
#[derive(Debug)]
pub struct Sampler {
    schedule: Schedule,
    solver: Box<dyn Solver>,
    at: usize,
}

impl Sampler {
    /// A run at its start, where the latent is noise.
    pub fn new(settings: &SamplerSettings) -> ModelResult<Self> {
        let schedule = Schedule::new(settings.table, settings.steps, settings.shift)?;
        Ok(Self::with(schedule, settings.solver.start()))
    }

    /// A run with a solver and noise levels of one's own.
    pub fn with(schedule: Schedule, solver: Box<dyn Solver>) -> Self {
        Self { schedule, solver, at: 0 }
    }

    /// The noise levels and timesteps.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The timestep at which the velocity is wanted next; none when the run is over.
    pub fn timestep(&self) -> Option<f64> {
        self.schedule.timesteps().get(self.at).copied()
    }

    /// Takes the next step. No graph is recorded, whatever the network was built on.
    ///
    /// # Shapes
    /// - velocity: as `latent`, the network's v = ε − x₀ at [`Sampler::timestep`]
    /// - latent, output: any shape
    ///
    /// # Errors
    /// After the last step, and when the shapes differ.
    pub fn step(&mut self, velocity: &Tensor, latent: &Tensor) -> Result<Tensor> {
        if self.at >= self.schedule.steps() {
            bail!("all {} steps of the sampler are taken", self.schedule.steps());
        }
        if velocity.dims() != latent.dims() {
            bail!(
                "expected a velocity of the latent's shape {:?}, found {:?}",
                latent.shape(),
                velocity.shape()
            );
        }
        let next =
            self.solver.step(&self.schedule, self.at, &velocity.detach(), &latent.detach())?;
        self.at += 1;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::{Sampler, SamplerSettings};
    use crate::flow::{SigmaTable, SolverKind};
    use candle_core::{Device, Tensor};

    /// Carries a 1-D Gaussian N(2, 0.5²) from noise to data along its exact velocity, and returns
    /// the largest distance from the exact map x = 2 + 0.5·ε.
    fn error_on_a_gaussian(settings: SamplerSettings) -> f64 {
        let mut sampler = Sampler::new(&settings).unwrap();
        let noise = [-2.0f64, -0.5, 0.1, 1.7];
        let mut x = Tensor::new(&noise, &Device::Cpu).unwrap();
        let sigmas = sampler.schedule().sigmas().to_vec();
        for sigma in &sigmas[..settings.steps] {
            // v = E[ε − x₀ | x] of x = (1−σ)x₀ + σε with both Gaussian.
            let alpha = 1.0 - sigma;
            let variance = 0.25 * alpha * alpha + sigma * sigma;
            let slope = (sigma - 0.25 * alpha) / variance;
            let v = x.affine(slope, -2.0 - slope * 2.0 * alpha).unwrap();
            x = sampler.step(&v, &x).unwrap();
        }
        assert_eq!(sampler.timestep(), None);
        let found = x.to_vec1::<f64>().unwrap();
        found.iter().zip(noise).map(|(x, e)| (x - 2.0 - 0.5 * e).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn errors_shrink_with_the_steps_of_every_solver() {
        for solver in [SolverKind::Euler, SolverKind::UniPc, SolverKind::DpmPlusPlus] {
            let error = |steps| error_on_a_gaussian(SamplerSettings::new(solver, steps, 1.0));
            let (coarse, fine) = (error(20), error(160));
            assert!(fine < 0.3 * coarse && fine < 0.01, "{solver:?}: {coarse} {fine}");
        }
    }

    #[test]
    fn a_single_step_lands_on_the_clean_prediction() {
        for solver in [SolverKind::Euler, SolverKind::UniPc, SolverKind::DpmPlusPlus] {
            let settings = SamplerSettings::new(solver, 1, 5.0);
            let mut sampler = Sampler::new(&settings).unwrap();
            let sigma = sampler.schedule().sigmas()[0];
            let tensor = |value: f64| Tensor::new(&[value], &Device::Cpu).unwrap();
            let clean = sampler.step(&tensor(0.25), &tensor(3.0)).unwrap();
            let clean = clean.to_vec1::<f64>().unwrap()[0];
            assert!((clean - (3.0 - sigma * 0.25)).abs() < 1e-12, "{solver:?}: {clean}");
        }
    }

    #[test]
    fn solvers_stay_finite_where_the_table_starts_at_pure_noise() {
        // λ is −∞ at σ = 1: a table that UniPC's own code never gives it.
        let error = error_on_a_gaussian(SamplerSettings {
            solver: SolverKind::UniPc,
            table: SigmaTable::Diffsynth,
            steps: 50,
            shift: 3.0,
        });
        assert!(error < 0.05, "{error}");
    }

    #[test]
    fn a_finished_run_and_a_wrong_shape_are_errors() {
        let settings = SamplerSettings::new(SolverKind::Euler, 1, 1.0);
        let mut sampler = Sampler::new(&settings).unwrap();
        let tensor = |n: usize| Tensor::new(vec![0f32; n], &Device::Cpu).unwrap();
        let error = sampler.step(&tensor(2), &tensor(3)).unwrap_err().to_string();
        assert!(error.starts_with("expected a velocity of the latent's shape [3]"), "{error}");
        sampler.step(&tensor(3), &tensor(3)).unwrap();
        let error = sampler.step(&tensor(3), &tensor(3)).unwrap_err().to_string();
        assert!(error.starts_with("all 1 steps of the sampler are taken"), "{error}");
    }
}
