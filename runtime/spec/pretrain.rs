//! The specs of a generator's stages: pretraining, tuning, generating.

use serde::{Deserialize, Serialize};

use super::{
    AdapterSpec, AlignerSpec, CodecSpec, ControlSpec, FlowSpec, GeneratorSpec, MechanismSpec,
    SamplerSpec, TextSpec,
};

/// What a base generator is: its network, and what it speaks to the world through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseSpec {
    /// The network.
    pub generator: GeneratorSpec,
    /// How frames become latents.
    pub codec: CodecSpec,
    /// How captions become embeddings.
    pub text: TextSpec,
    /// Frames of a clip.
    pub frames: usize,
    /// Frames a second.
    pub fps: f64,
    /// Side of the square frames in pixels.
    pub size_px: usize,
}

/// A base generator trained from the start, or on from an earlier one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainSpec {
    /// What is trained.
    pub base: BaseSpec,
    /// How.
    pub schedule: FlowSpec,
    /// Seed of initial weights, batches, noise and dropout.
    pub seed: u64,
}

/// A frozen base tuned under the aligner's S.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneSpec {
    /// The pose-shared identity aligner that gives S; none for tuning without one.
    pub aligner: Option<AlignerSpec>,
    /// What stands in the place of S; none with an aligner, or without S at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlSpec>,
    /// What is added to the base. With a mechanism, whose own the adapters then are, only what is
    /// said of S counts.
    pub adapter: AdapterSpec,
    /// How the base is told who is to be seen, where that is not VACE's branch alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<MechanismSpec>,
    /// How the adapter is trained on clips (L_FM).
    pub schedule: FlowSpec,
    /// How the aligner is trained on pairs of faces beside it (L_PIA, Eq. 5).
    pub pairs: Option<super::ScheduleSpec>,
    /// Seed of initial weights, batches, noise and dropout.
    pub seed: u64,
}

/// Clips sampled from a generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSpec {
    /// How.
    pub sampler: SamplerSpec,
    /// Largest error in degrees added to each Euler angle of a reference, as the paper's Table 6
    /// perturbs them; 0 = none.
    pub perturb_deg: f64,
    /// Which draw of those errors.
    pub draw: u64,
    /// Angles that are off: `pitch`, `yaw`, `roll`; none named means all three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub angles: Vec<String>,
    /// Frames a second of the moving contact sheet; absent where the base has a rate of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
}

/// A base that ships with ffrun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedSpec {
    /// The world it was trained in: `heads`.
    pub world: String,
}
