//! From noise to a latent: the loop over a sampler's steps and the passes of its guidance.

use std::ops::ControlFlow;

use candle_core::{Result, Tensor};

use super::{Guidance, Pass, Sampler};

/// Where a sampling run is, after a step.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Steps taken, from 1.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// The latent reached.
    pub latent: &'a Tensor,
}

/// The velocities of a latent at a timestep, one per pass. All passes are asked for at once: a
/// network may run them as one batch, or one after another in less memory.
pub type Predict<'a> = dyn FnMut(&Tensor, f64, &[Pass]) -> Result<Vec<Tensor>> + 'a;

/// Runs a sampler from its start to its end, on noise given from outside. `progress` is called
/// after every step; when it breaks, the run ends and gives nothing.
///
/// # Shapes
/// - noise, output: any shape that `predict` takes
pub fn sample(
    mut sampler: Sampler,
    guidance: &Guidance,
    noise: &Tensor,
    predict: &mut Predict,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Tensor>> {
    let steps = sampler.schedule().steps();
    let (mut latent, mut step) = (noise.clone(), 0);
    while let Some(timestep) = sampler.timestep() {
        let velocities = predict(&latent, timestep, guidance.passes())?;
        latent = sampler.step(&guidance.combine(&velocities)?, &latent)?;
        step += 1;
        if progress(Progress { step, steps, latent: &latent }).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(latent))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::sample;
    use crate::flow::{Guidance, Pass, Sampler, SamplerSettings, SolverKind};
    use candle_core::{Device, Result, Tensor};

    /// A field whose passes point to 1 (`negative`) and 3 (`positive`): x₀ = target everywhere.
    fn towards(latent: &Tensor, timestep: f64, passes: &[Pass]) -> Result<Vec<Tensor>> {
        let velocity = |pass: &Pass| {
            let target = if pass.condition == "negative" { 1.0 } else { 3.0 };
            latent.affine(1000.0 / timestep, -target * 1000.0 / timestep)
        };
        passes.iter().map(velocity).collect()
    }

    fn run(stop_after: usize) -> (Option<f64>, usize) {
        let settings = SamplerSettings::new(SolverKind::Euler, 5, 3.0);
        let noise = Tensor::new(&[0.5f64], &Device::Cpu).unwrap();
        let mut seen = 0;
        let latent = sample(
            Sampler::new(&settings).unwrap(),
            &Guidance::classifier_free(2.0),
            &noise,
            &mut towards,
            &mut |progress| {
                assert_eq!((progress.step, progress.steps), (seen + 1, 5));
                seen += 1;
                if seen == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        (latent.unwrap().map(|latent| latent.to_vec1::<f64>().unwrap()[0]), seen)
    }

    #[test]
    fn a_run_ends_where_guidance_points() {
        let (latent, steps) = run(0);
        assert_eq!(steps, 5);
        assert!((latent.unwrap() - 5.0).abs() < 1e-9, "{latent:?}"); // 1 + 2·(3 − 1)
    }

    #[test]
    fn a_run_can_be_stopped() {
        assert_eq!(run(2), (None, 2));
    }
}
