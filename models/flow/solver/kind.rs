//! What a solver is, and which there are.

use std::fmt::Debug;

use candle_core::{Result, Tensor};

use super::dpm::DpmPlusPlus;
use super::euler::Euler;
use super::unipc::UniPc;
use crate::error::{ModelError, ModelResult};
use crate::flow::{Schedule, SigmaTable};

/// A method that carries a latent from one noise level of a schedule to the next.
pub trait Solver: Debug + Send {
    /// The latent at `schedule.sigmas()[at + 1]`, from the velocity v and the latent at
    /// `schedule.sigmas()[at]`. Steps are taken in order from 0.
    ///
    /// # Shapes
    /// - velocity, latent, output: any one shape
    fn step(
        &mut self,
        schedule: &Schedule,
        at: usize,
        velocity: &Tensor,
        latent: &Tensor,
    ) -> Result<Tensor>;
}

/// The built-in solvers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SolverKind {
    /// First order.
    Euler,
    /// UniPC of order 2, variant bh2, with its corrector (Zhao et al. 2023).
    UniPc,
    /// DPM-Solver++ 2M, midpoint (Lu et al. 2022).
    DpmPlusPlus,
}

impl SolverKind {
    /// The names of all solvers.
    pub const NAMES: &[&str] = &["euler", "unipc", "dpm++"];

    /// The solver called `name`.
    pub fn named(name: &str) -> ModelResult<Self> {
        Ok(match name {
            "euler" => Self::Euler,
            "unipc" => Self::UniPc,
            "dpm++" => Self::DpmPlusPlus,
            _ => {
                return Err(ModelError::UnknownName {
                    kind: "solver",
                    name: name.to_owned(),
                    known: Self::NAMES,
                });
            }
        })
    }

    /// The noise levels that this solver's public implementation for Wan uses.
    pub fn usual_table(self) -> SigmaTable {
        match self {
            Self::Euler => SigmaTable::Diffsynth,
            Self::UniPc => SigmaTable::WanUnipc,
            Self::DpmPlusPlus => SigmaTable::WanDpm,
        }
    }

    /// The solver at the start of a run.
    pub fn start(self) -> Box<dyn Solver> {
        match self {
            Self::Euler => Box::new(Euler),
            Self::UniPc => Box::<UniPc>::default(),
            Self::DpmPlusPlus => Box::<DpmPlusPlus>::default(),
        }
    }
}
