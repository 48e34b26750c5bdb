//! Batches of a flow-matching training: which clips, at which noise, told what.

use candle_core::{Device, Result, Tensor};
use ffrun_models::{
    flow::{FlowMatching, NoiseLevels, NoisySample, Weighting},
    stream::Stream,
};

use super::{conditioning::Conditioning, latentset::Latents, texts::Texts};
use crate::{engine::work::StageError, spec::FlowSpec};

/// Spread of the logistic-normal noise levels, before the shift (Esser et al. 2024, §3.1).
const LOGIT_NORMAL: (f64, f64) = (0.0, 1.0);

/// The objective of a spec.
pub(super) fn objective(spec: &FlowSpec) -> std::result::Result<FlowMatching, StageError> {
    let shift = spec.shift;
    let unknown = |setting: &str, value: &str, known: &str| {
        Err(StageError::Failed(format!("unknown {setting} `{value}`; this ffrun has {known}")))
    };
    let levels = match spec.timesteps.as_str() {
        "table" => NoiseLevels::Table { shift },
        "uniform" => NoiseLevels::Uniform { shift },
        "logit_normal" => {
            NoiseLevels::LogitNormal { mean: LOGIT_NORMAL.0, std: LOGIT_NORMAL.1, shift }
        }
        other => return unknown("timesteps", other, "table, uniform and logit_normal"),
    };
    let weighting = match spec.weighting.as_str() {
        "none" => Weighting::None,
        "bell" => Weighting::bell(shift),
        other => return unknown("weighting", other, "none and bell"),
    };
    Ok(FlowMatching { levels, weighting, covers_references: spec.loss_on_reference })
}

/// The clips of a training in memory.
pub(super) struct Material {
    pub(super) latents: Latents,
    pub(super) texts: Texts,
    pub(super) conditioning: Conditioning,
    pub(super) device: Device,
}

/// Where the randomness of a batch comes from: the same (seed, purpose, step), the same batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) seed: u64,
    pub(super) purpose: &'static str,
    pub(super) step: u64,
}

impl Source {
    /// The stream of one of its uses.
    pub(super) fn stream(&self, of: &str) -> Stream {
        Stream::new(self.seed, &format!("{}/{of}", self.purpose), self.step)
    }
}

/// One batch.
pub(super) struct Batch {
    /// Which clips.
    pub(super) clips: Vec<usize>,
    /// Noisy latents and their target; the reference's frame comes first.
    pub(super) sample: NoisySample,
    /// VACE's control latent.
    pub(super) control: Tensor,
    /// `[B, length, dim]`
    pub(super) text: Tensor,
    /// Clips that are told their reference.
    pub(super) told: Vec<bool>,
}

impl Material {
    /// The batch of a training step: clips in an order shuffled anew whenever all have been seen.
    pub(super) fn training(
        &self,
        spec: &FlowSpec,
        objective: &FlowMatching,
        source: Source,
    ) -> Result<Batch> {
        let clips = in_turn(self.latents.len(), spec.batch, source);
        let mut levels = source.stream("levels");
        let sigmas = objective.draw(clips.len(), &mut levels);
        let mut dropout = source.stream("dropout");
        let (texts, told) = clips
            .iter()
            .map(|_| {
                let captionless = dropout.chance(spec.text_dropout as f32);
                let alone = dropout.chance(spec.reference_dropout as f32);
                (!captionless, !(captionless && alone))
            })
            .unzip();
        self.batch(clips, &sigmas, (texts, told), source)
    }

    /// A batch of these clips at these noise levels.
    pub(super) fn batch(
        &self,
        clips: Vec<usize>,
        sigmas: &[f64],
        (texts, told): (Vec<bool>, Vec<bool>),
        source: Source,
    ) -> Result<Batch> {
        let device = &self.device;
        let latents = self.latents.clips(&clips, device)?;
        let references = self.latents.references(&clips, device)?.unsqueeze(2)?;
        let references = self.conditioning.references(&references, &told)?;
        let clean = Tensor::cat(&[&references, &latents], 2)?;
        let noise = source.stream("noise").normal_tensor(clean.shape(), 1.0, device)?;
        let captions: Vec<Option<usize>> =
            clips.iter().zip(texts).map(|(clip, told)| told.then_some(*clip)).collect();
        Ok(Batch {
            sample: FlowMatching::mix(&clean, &noise, sigmas)?,
            control: self.conditioning.control(&references, latents.dim(2)?)?,
            text: self.texts.of(&captions, device)?,
            clips,
            told,
        })
    }
}

/// The clips of a step: epoch after epoch, each in an order of its own.
fn in_turn(clips: usize, batch: usize, source: Source) -> Vec<usize> {
    let first = source.step as usize * batch;
    let mut order: Option<(usize, Vec<usize>)> = None;
    (first..first + batch)
        .map(|at| {
            let (epoch, place) = (at / clips.max(1), at % clips.max(1));
            let known = order.take().filter(|(known, _)| *known == epoch);
            let (_, order) =
                order.insert(known.unwrap_or_else(|| (epoch, shuffled(clips, epoch, source))));
            order[place]
        })
        .collect()
}

fn shuffled(clips: usize, epoch: usize, source: Source) -> Vec<usize> {
    let mut order: Vec<usize> = (0..clips).collect();
    Source { step: epoch as u64, ..source }.stream("order").shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::{Source, in_turn};

    #[test]
    fn every_clip_is_seen_once_an_epoch() {
        let of = |step| in_turn(7, 3, Source { seed: 1, purpose: "test", step });
        let seen: Vec<usize> = (0..7).flat_map(of).collect();
        for epoch in seen.chunks(7) {
            let mut epoch = epoch.to_vec();
            epoch.sort_unstable();
            assert_eq!(epoch, [0, 1, 2, 3, 4, 5, 6]);
        }
        assert_ne!(seen[..7], seen[7..14]);
    }
}
