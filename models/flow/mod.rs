//! Flow matching: the training objective, the noise levels of a sampling run, its solvers, and
//! guidance.

mod guidance;
mod matching;
mod noise_levels;
mod sample;
mod sampler;
mod schedule;
mod shift;
mod solver;
mod weighted_sum;
mod weighting;

pub use guidance::{Guidance, Pass};
pub use matching::{FlowMatching, NoisySample};
pub use noise_levels::NoiseLevels;
pub use sample::{Predict, Progress, sample};
pub use sampler::{Sampler, SamplerSettings};
pub use schedule::{Schedule, SigmaTable};
pub use shift::shifted;
pub use solver::{Solver, SolverKind};
pub use weighted_sum::weighted_sum;
pub use weighting::Weighting;
