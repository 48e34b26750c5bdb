//! The `codec` stage: a linear patch codec fitted on frames of clips.

use std::path::Path;

use candle_core::Device;
use ffrun_models::{
    checkpoint::{decode, encode},
    codec::{LatentCodec, PcaCodec, PcaConfig, PcaFit},
    params::Params,
};

use super::{
    base::Base,
    clipset::Clips,
    codec_on::CodecOn,
    input, model_error,
    public::{self, Record},
    spec_of, tensor_error,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::CodecSpec,
};

/// Name of the file in a `codec` result.
const FILE: &str = "codec.safetensors";

/// Clips that are fitted on at a time.
const BATCH: usize = 16;

/// Fits and writes, with what the codec loses as a line of text.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: CodecSpec = spec_of(stage)?;
    let clips = Clips::read(input(work, "clips")?)?;
    let take = spec.frames.div_ceil(clips.frames.max(1)).min(clips.len());
    let mut fit = PcaFit::new(config(&spec)).map_err(model_error)?;
    let all: Vec<usize> = (0..take).collect();
    for batch in all.chunks(BATCH) {
        let video = clips.video(batch, &Device::Cpu).map_err(tensor_error)?;
        let (b, c, f, h, w) = video.dims5().map_err(tensor_error)?;
        let frames = video.transpose(1, 2).and_then(|video| video.reshape((b * f, c, h, w)));
        fit.add(&frames.map_err(tensor_error)?).map_err(model_error)?;
        let done = batch.last().map_or(0, |last| last + 1) as u64;
        (work.progress)(Progress { done, total: take as u64, note: "clips read".to_owned() });
    }
    let codec = fit.finish(&Device::Cpu).map_err(model_error)?;
    let bytes = encode(&codec.to_map().map_err(tensor_error)?).map_err(model_error)?;
    files::write_atomic(&work.out.join(FILE), &bytes)?;
    let psnr = psnr(&codec, &clips, &all[..take.min(BATCH)]).map_err(tensor_error)?;
    let text = format!("peak signal-to-noise ratio on frames it was fitted on: {psnr:.1} dB\n");
    Ok(files::write_atomic(&work.out.join("quality.txt"), text.as_bytes())?)
}

/// The codec of a `codec` result, of a whole base or of a public checkpoint, for clips on the CPU.
pub(super) fn any(work: &Work<'_>, device: &Device) -> Result<CodecOn, StageError> {
    let folder = input(work, "codec")?;
    if Record::is_in(folder) {
        let codec = public::autoencoder(&Record::read(folder, work)?, device)?;
        return Ok(CodecOn::new(Box::new(codec), device));
    }
    Ok(CodecOn::new(Box::new(read(folder)?), &Device::Cpu))
}

/// Reads the codec of a `codec` result, or that of a whole base.
pub(super) fn read(folder: &Path) -> Result<PcaCodec, StageError> {
    let path = folder.join(FILE);
    let Some(bytes) = files::read_optional(&path)? else {
        return Ok(Base::read(folder, Params::frozen(&Device::Cpu))?.codec);
    };
    let map = decode(&bytes, &Device::Cpu).map_err(model_error)?;
    PcaCodec::from_map(&map, &Device::Cpu).map_err(model_error)
}

/// The codec's settings as the network sees them.
fn config(spec: &CodecSpec) -> PcaConfig {
    PcaConfig { patch_px: spec.patch_px, channels: spec.channels, whiten: spec.whiten as f32 }
}

/// 20·log10(2/rmse) over some clips; values span 2, from −1 to 1.
fn psnr(codec: &PcaCodec, clips: &Clips, some: &[usize]) -> candle_core::Result<f64> {
    let video = clips.video(some, &Device::Cpu)?;
    let error = (codec.decode(&codec.encode(&video)?)? - video)?.sqr()?.mean_all()?;
    Ok(10.0 * (4.0 / f64::from(error.to_scalar::<f32>()?)).log10())
}
