//! From noise to a latent under a mechanism: its passes through the one sampling pipeline.

use std::ops::ControlFlow;

use candle_core::{DType, Result, Tensor};

use super::memory::Memory;
use super::method::{Method, Told};
use super::pass_input::PassInput;
use crate::flow::{Progress, SamplerSettings};
use crate::pipeline::{Condition, Pipeline};
use crate::wan::Segment;

impl Method {
    /// Samples from `noise`. `memory` belongs to one video after another: what a generation must
    /// not leave to the next is forgotten at its start. `progress` is called after every step; when
    /// it breaks, the result is none.
    ///
    /// # Shapes
    /// - noise: `[B, C, R + F, H, W]`, R frames in front for VACE's references
    ///   ([`super::Identity::in_front`])
    /// - output: `[B, C, F, H, W]`
    ///
    /// # Errors
    /// As [`Method::pass`] and [`Pipeline::generate`].
    pub fn generate(
        &self,
        (noise, told): (&Tensor, &Told),
        sampler: SamplerSettings,
        memory: &mut Memory,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Tensor>> {
        let brings_references = !told.identity.references.is_empty();
        memory.begin(&self.mechanism().segments, brings_references);
        let passes = self.passes(told, noise, memory)?;
        let segments: Vec<Vec<Segment>> = passes.iter().map(PassInput::segments).collect();
        let timestep = Tensor::zeros(noise.dim(0)?, DType::F32, noise.device())?;
        let inputs = passes.iter().zip(&segments).zip(self.guidance().passes());
        let conditions: Vec<Condition> = inputs
            .map(|((pass, segments), weighed)| Condition {
                name: &weighed.condition,
                input: pass.input((noise, &timestep), segments),
            })
            .collect();
        let pipeline = Pipeline {
            wan: self.wan(),
            sampler,
            guidance: self.guidance(),
            conditions: &conditions,
            references: told.identity.in_front,
            batched: false,
        };
        pipeline.generate(noise, progress)
    }
}
