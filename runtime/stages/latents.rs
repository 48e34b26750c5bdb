//! The `latents` stage: clips rendered and encoded, the frames themselves never kept.

use candle_core::{Device, Tensor};
use ffrun_models::codec::LatentCodec;

use super::{
    clips::in_rounds,
    clipset::Clips,
    codec, device,
    latentset::{self, Encoded, half_bytes},
    spec_of, tensor_error,
};
use crate::{
    engine::{
        stage::Stage,
        work::{StageError, Work},
    },
    spec::ClipsetSpec,
};

/// Renders, encodes and writes.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: ClipsetSpec = spec_of(stage)?;
    let codec = codec::any(work, &device(&stage.class)?)?;
    let mut encoded = Encoded { size_px: spec.size_px, ..Encoded::default() };
    in_rounds(&spec, work, |clips| add(&codec, clips, &mut encoded).map_err(tensor_error))?;
    encoded.write(&work.out.join(latentset::FILE))
}

/// Encodes some clips and their references.
fn add(codec: &dyn LatentCodec, clips: Clips, encoded: &mut Encoded) -> candle_core::Result<()> {
    let all: Vec<usize> = (0..clips.len()).collect();
    let latents = codec.encode(&clips.video(&all, &Device::Cpu)?)?;
    let pictures = clips.reference_images(&all, &Device::Cpu)?;
    let references: Tensor = codec.encode(&pictures.unsqueeze(2)?)?.squeeze(2)?;
    let (_, c, f, h, w) = latents.dims5()?;
    encoded.shape = [c, f, h, w];
    encoded.clips.extend(half_bytes(&latents)?);
    encoded.references.extend(half_bytes(&references)?);
    encoded.pictures.extend(clips.references);
    encoded.labels.extend(clips.labels);
    Ok(())
}
