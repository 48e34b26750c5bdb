//! How much memory the stages of a public checkpoint need, told before anything is loaded.

use ffrun_models::wan::{AttentionMemory, MemoryNeed, Mode, WanConfig, Workload};

use super::sizes::{autoencoder_config, text_encoder_config, transformer_config};
use crate::{
    engine::stage::Stage,
    spec::{AutoencoderSizes, CheckpointSpec, ClipsetSpec, TuneSpec},
    stages::needs::{ROWS, adapter_values},
};

/// Bytes of a value in f32.
const F32: u64 = 4;

/// What a stage that reads this checkpoint needs, on clips of this geometry.
pub(in crate::stages) fn need(
    stage: &Stage,
    spec: &CheckpointSpec,
    clips: Option<&ClipsetSpec>,
) -> Option<MemoryNeed> {
    match stage.kind.as_str() {
        "texts" => Some(text_encoder(spec)),
        "latents" => Some(autoencoder(&spec.autoencoder, clips?)),
        "generate" => {
            let mut need = transformer(spec, clips?, (Mode::Sampling { passes: 1 }, 1));
            // The autoencoder runs after the transformer: of their activations the larger counts.
            let codec = autoencoder(&spec.autoencoder, clips?);
            need.weights += codec.weights;
            need.activations = need.activations.max(codec.activations);
            Some(need)
        }
        "tune" => {
            let tune: TuneSpec = serde_json::from_value(stage.spec.clone()).ok()?;
            let config = transformer_config(&spec.transformer);
            let trained = adapter_values(&tune.adapter, &config);
            let mode = Mode::Training { trained, recompute: false };
            let mut need = transformer(spec, clips?, (mode, tune.schedule.batch));
            need.weights += autoencoder(&spec.autoencoder, clips?).weights + trained as u64 * F32;
            Some(need)
        }
        _ => None,
    }
}

/// Matrices in the checkpoint's type, everything that is computed in f32.
fn transformer(
    spec: &CheckpointSpec,
    clips: &ClipsetSpec,
    (mode, batch): (Mode, usize),
) -> MemoryNeed {
    let config: WanConfig = transformer_config(&spec.transformer);
    let codec = autoencoder_config(&spec.autoencoder);
    let side = clips.size_px.div_ceil(codec.spatial());
    // The reference is a latent frame of its own.
    let latent = [1 + clips.frames.div_ceil(codec.temporal()), side, side];
    let attention = AttentionMemory::Rows(ROWS);
    let work = Workload { batch, latent, value_bytes: F32 as usize, attention, mode };
    let weights = config.parameter_count() as u64 * value_bytes(spec);
    MemoryNeed { weights, ..MemoryNeed::of(&config, &work) }
}

/// The encoder, and its largest tensor a second time in f32 while it is read.
fn text_encoder(spec: &CheckpointSpec) -> MemoryNeed {
    let config = text_encoder_config(&spec.text);
    MemoryNeed {
        weights: config.parameter_count() as u64 * value_bytes(spec),
        activations: (config.vocab * config.dim) as u64 * F32,
        ..MemoryNeed::default()
    }
}

/// Ten copies of the widest layer over the frames of one piece: an allowance, not measured.
const COPIES: u64 = 10;

/// Values of Wan 2.1's autoencoder at its 96 channels; most are convolutions, which grow with the
/// square of the width.
const RELEASED: (u64, u64) = (126_892_531, 96);

fn autoencoder(sizes: &AutoencoderSizes, clips: &ClipsetSpec) -> MemoryNeed {
    let width = sizes.base_width as u64;
    let piece = autoencoder_config(sizes).temporal() as u64 * (clips.size_px as u64).pow(2);
    let (values, channels) = RELEASED;
    MemoryNeed {
        weights: values * width * width / (channels * channels) * F32,
        activations: COPIES * width * piece * F32,
        ..MemoryNeed::default()
    }
}

fn value_bytes(spec: &CheckpointSpec) -> u64 {
    if spec.dtype == "f32" { F32 } else { F32 / 2 }
}

#[cfg(test)]
mod tests {
    use ffrun_models::{umt5::Umt5Config, vae::VaeConfig, wan::WanConfig};
    use serde_json::json;

    use super::*;
    use crate::stages::public::sizes::{autoencoder_sizes, text_encoder_sizes, transformer_sizes};

    #[test]
    fn the_published_checkpoints_need_their_weights_at_least() {
        let clips = ClipsetSpec {
            split: "test".into(),
            identities: 1,
            clips_each: 1,
            families: vec!["speech".into()],
            frames: 81,
            fps: 16.0,
            size_px: 480,
            world: 0,
            reference_yaw_deg: 0.0,
            reference_yaw_least_deg: 0.0,
            reference_pitch_deg: 0.0,
            reference_roll_deg: 0.0,
            reference_expression: 0.0,
        };
        let spec = CheckpointSpec {
            dtype: "bf16".into(),
            transformer: transformer_sizes(&WanConfig::vace_14b()).unwrap(),
            autoencoder: autoencoder_sizes(&VaeConfig::wan2_1()),
            text: text_encoder_sizes(&Umt5Config::xxl()),
        };
        let of = |kind: &str, spec: &CheckpointSpec| {
            need(&Stage::new(kind, 1, json!({})), spec, Some(&clips)).unwrap()
        };
        let sampling = of("generate", &spec);
        assert_eq!(sampling.weights, 2 * 17_337_592_896 + 4 * 126_892_531);
        assert_eq!(of("texts", &spec).weights, 2 * 5_680_910_336);
        let whole = CheckpointSpec { dtype: "f32".into(), ..spec };
        assert_eq!(of("texts", &whole).weights, 4 * 5_680_910_336);
        assert!(of("generate", &whole).total() > sampling.total() + 34_000_000_000);
        assert!(of("latents", &whole).activations > 0);
        assert!(need(&Stage::new("judge", 1, json!({})), &whole, None).is_none());
    }
}
