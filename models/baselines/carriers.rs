//! What a mechanism may bring beside segments, as data: control branch, image tokens, S, modulation
//! sets and adapters.

use serde::{Deserialize, Serialize};

/// VACE's branch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlSpec {
    /// Whether the references stand in front of the video in the control latent. The noisy latent
    /// then has a frame for each of them, dropped in the end.
    pub references: bool,
    /// Factor on the hints.
    pub scale: f64,
}

impl Default for ControlSpec {
    fn default() -> Self {
        Self { references: true, scale: 1.0 }
    }
}

/// Tokens of an image encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// Their width.
    pub dim: usize,
    /// How they are read.
    pub enters: ImageEntry,
}

/// How image tokens are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageEntry {
    /// Through keys and values of their own in every cross-attention, as Wan's image-to-video.
    Attention,
    /// Behind the text, after a linear map to its width.
    Text,
}

/// The aligner's S.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedSpec {
    /// How it enters: one of [`crate::wan::InjectionKind::NAMES`].
    pub injection: String,
    /// Its width.
    pub width: usize,
}

/// A set of modulation weights beside the base's, which segments ask for. They start as copies of
/// the base's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModulationSpec {
    /// Its name, e.g. `ref`.
    pub name: String,
    /// Whether the feed-forward's input is shifted and scaled by the attention's rows.
    #[serde(default)]
    pub ffn_reuses_attention: bool,
}

/// Low-rank adapters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterSpec {
    /// What segments and the mechanism call them by.
    pub name: String,
    /// The layers, by the ends of their names; see [`crate::lora::LoraGroup::targets`].
    pub targets: Vec<String>,
    /// Rank r.
    pub rank: usize,
    /// α; the adapter counts α/r times. r if absent.
    #[serde(default)]
    pub alpha: Option<f64>,
    /// How A starts.
    #[serde(default)]
    pub start: AdapterStart,
}

/// How the matrices A of adapters start; B is always zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterStart {
    /// Kaiming-uniform with slope √5, as PEFT.
    #[default]
    Peft,
    /// Normal with standard deviation 1/r, as Stand-In.
    Normal,
}

impl AdapterSpec {
    /// Adapters on queries, keys and values of the base's self-attention.
    pub fn on_self_attention(name: &str, rank: usize) -> Self {
        let targets = ["q", "k", "v"].map(|layer| format!("blocks.*.self_attn.{layer}"));
        let start = AdapterStart::Peft;
        Self { name: name.into(), targets: targets.into(), rank, alpha: None, start }
    }
}
