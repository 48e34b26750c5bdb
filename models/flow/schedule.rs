//! The noise levels σ and timesteps t that a sampling run visits.

use super::shift::{check_shift, shifted};
use crate::error::{ModelError, ModelResult};

/// Number of noise levels that Wan was trained on: t = 1000·σ.
const TRAINING_LEVELS: f64 = 1000.0;

/// How the public implementations place noise levels before they shift them. They differ by up to
/// one training level, which moves a trajectory by about 1e-2: results of one agree only with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigmaTable {
    /// From 1 in equal steps to 0; t is fractional. DiffSynth's Euler.
    Diffsynth,
    /// From 1 in equal steps to 1/1000 inclusive, shifted *twice*; t is fractional. diffusers'
    /// `FlowMatchEulerDiscreteScheduler`.
    DiffusersEuler,
    /// From 1 in equal steps to 1/1000, without the last; the first σ is 1 − 1e-6; t is cut to an
    /// integer. diffusers' `UniPCMultistepScheduler` for flows.
    DiffusersUnipc,
    /// From 1 in equal steps to 0; t is cut to an integer. Wan's DPM-Solver++.
    WanDpm,
    /// From 0.999 in equal steps to 0; t is cut to an integer. Wan's and VACE's UniPC.
    WanUnipc,
}

impl SigmaTable {
    /// The names of all tables.
    pub const NAMES: &[&str] =
        &["diffsynth", "diffusers_euler", "diffusers_unipc", "wan_dpm", "wan_unipc"];

    /// The table called `name`.
    pub fn named(name: &str) -> ModelResult<Self> {
        Ok(match name {
            "diffsynth" => Self::Diffsynth,
            "diffusers_euler" => Self::DiffusersEuler,
            "diffusers_unipc" => Self::DiffusersUnipc,
            "wan_dpm" => Self::WanDpm,
            "wan_unipc" => Self::WanUnipc,
            _ => {
                return Err(ModelError::UnknownName {
                    kind: "sigma table",
                    name: name.to_owned(),
                    known: Self::NAMES,
                });
            }
        })
    }

    /// The shifted σ of every step.
    fn sigmas(self, steps: usize, shift: f64) -> Vec<f64> {
        let least = 1.0 / TRAINING_LEVELS;
        let levels = match self {
            Self::Diffsynth | Self::WanDpm => spaced(1.0, 0.0, steps, steps),
            Self::WanUnipc => spaced(1.0 - least, 0.0, steps, steps),
            Self::DiffusersUnipc => spaced(1.0, least, steps, steps),
            // Its table is shifted once before the first and last levels are read from it.
            Self::DiffusersEuler => spaced(1.0, shifted(least, shift), steps, steps - 1),
        };
        let mut sigmas: Vec<f64> = levels.into_iter().map(|level| shifted(level, shift)).collect();
        if let (Self::DiffusersUnipc, Some(first)) = (self, sigmas.first_mut()) {
            *first -= 1e-6; // λ = ln((1−σ)/σ) must be finite there
        }
        sigmas
    }

    fn timestep(self, sigma: f64) -> f64 {
        let timestep = sigma * TRAINING_LEVELS;
        match self {
            Self::Diffsynth | Self::DiffusersEuler => timestep,
            Self::DiffusersUnipc | Self::WanDpm | Self::WanUnipc => timestep.trunc(),
        }
    }
}

/// The first `count` of the levels from `first` to `last` in `intervals` equal steps, each computed
/// as numpy's `linspace` does: cutting t to an integer shows the last bit.
fn spaced(first: f64, last: f64, count: usize, intervals: usize) -> Vec<f64> {
    let step = (last - first) / intervals.max(1) as f64;
    (0..count).map(|at| at as f64 * step + first).collect()
}

/// Noise levels from nearly 1 down to 0 at the end, and the timestep the network sees at each.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    sigmas: Vec<f64>,
    timesteps: Vec<f64>,
}

impl Schedule {
    /// The levels of `steps` steps.
    ///
    /// # Errors
    /// Without a step, and for a shift that is not above 0.
    pub fn new(table: SigmaTable, steps: usize, shift: f64) -> ModelResult<Self> {
        if steps == 0 {
            return Err(ModelError::BadSetting {
                setting: "steps",
                got: "0".into(),
                expected: "sampling takes at least one step".into(),
            });
        }
        check_shift(shift)?;
        let mut sigmas = table.sigmas(steps, shift);
        let timesteps = sigmas.iter().map(|&sigma| table.timestep(sigma)).collect();
        sigmas.push(0.0);
        Ok(Self { sigmas, timesteps })
    }

    /// Number of steps N.
    pub fn steps(&self) -> usize {
        self.timesteps.len()
    }

    /// σ before each step, and the final 0: N + 1 numbers.
    pub fn sigmas(&self) -> &[f64] {
        &self.sigmas
    }

    /// t that the network is given at each step: N numbers in [0, 1000].
    pub fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    /// λ = ln((1−σ)/σ) before each step and at the end: half the log signal-to-noise ratio of
    /// x_σ = (1−σ)·x₀ + σ·ε. −∞ at σ = 1, +∞ at the end.
    pub(super) fn lambda(&self, at: usize) -> f64 {
        let sigma = self.sigmas[at];
        ((1.0 - sigma) / sigma).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::{Schedule, SigmaTable};

    #[test]
    fn first_and_last_levels_of_fifty_steps() {
        // Calculated for the table that Wan and VACE sample with.
        for (shift, first, last) in [(3.0, 0.9997, 0.0576), (5.0, 0.9998, 0.0925)] {
            let schedule = Schedule::new(SigmaTable::WanUnipc, 50, shift).unwrap();
            assert!((schedule.sigmas()[0] - first).abs() < 5e-5);
            assert!((schedule.sigmas()[49] - last).abs() < 5e-5, "{}", schedule.sigmas()[49]);
        }
    }

    #[test]
    fn every_table_falls_from_noise_to_data() {
        for name in SigmaTable::NAMES {
            for steps in [1, 2, 7, 1000] {
                let table = SigmaTable::named(name).unwrap();
                let schedule = Schedule::new(table, steps, 5.0).unwrap();
                assert_eq!(schedule.steps(), steps);
                assert!(schedule.sigmas().is_sorted_by(|a, b| a > b), "{name} {steps}");
                assert!(schedule.sigmas()[0] > 0.99 && schedule.sigmas()[steps] == 0.0);
                assert!(schedule.timesteps().iter().all(|t| (0.0..=1000.0).contains(t)));
            }
        }
    }

    #[test]
    fn settings_that_make_no_schedule_are_refused() {
        let error = Schedule::new(SigmaTable::WanDpm, 0, 5.0).unwrap_err().to_string();
        assert_eq!(error, "`steps` is 0, but sampling takes at least one step");
        assert!(Schedule::new(SigmaTable::WanDpm, 4, 0.0).is_err());
        assert!(SigmaTable::named("karras").unwrap_err().to_string().contains("diffsynth"));
    }
}
