//! A way to condition a video on a person, declared as plain data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::carriers::{
    AdapterSpec, ControlSpec, ImageEntry, ImageSpec, ModulationSpec, SharedSpec,
};
use super::channels::ChannelsSpec;
use super::face::FaceSpec;
use super::pass::{PassSpec, guidance};
use super::segment::{Keys, SegmentSpec};
use crate::error::{ModelError, ModelResult};
use crate::flow::Guidance;
use crate::wan::{ImageConfig, InjectionKind, ModulationConfig, WanConfig};

/// All that makes a method what it is on a Wan backbone. Every part may be left out; without any,
/// it is plain text-to-video.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mechanism {
    /// What it is called.
    pub name: String,
    /// Reference tokens beside the video's.
    pub segments: Vec<SegmentSpec>,
    /// VACE's branch, which the base must have.
    pub control: Option<ControlSpec>,
    /// Input channels behind the noisy ones.
    pub channels: Option<ChannelsSpec>,
    /// Tokens of an image encoder.
    pub image: Option<ImageSpec>,
    /// Face modules between the blocks.
    pub face: Option<FaceSpec>,
    /// The aligner's S.
    pub shared: Option<SharedSpec>,
    /// Modulation weights beside the base's.
    pub modulations: Vec<ModulationSpec>,
    /// Low-rank adapters, for segments or the video to ask for.
    pub adapters: Vec<AdapterSpec>,
    /// The adapters on everything but the segments, by their name.
    pub adapter: Option<String>,
    /// The passes of a step; none is one pass with everything.
    pub passes: Vec<PassSpec>,
    /// What is trained.
    pub trains: TrainsSpec,
}

/// Which parameters of the transformer are trained, by the beginnings of their names, `*` standing
/// for one part between dots (`*` alone is everything). Adapters, face modules and the way S enters
/// are no part of the transformer, and always trained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainsSpec {
    /// The modules that the mechanism adds: the rest of the base stays frozen.
    pub modules: Vec<String>,
    /// What its authors trained.
    pub published: Vec<String>,
}

impl Mechanism {
    /// Fails, naming the part, unless everything that is asked for by name is there.
    ///
    /// # Errors
    /// [`ModelError::BadSetting`] or [`ModelError::UnknownName`].
    pub fn check(&self) -> ModelResult<()> {
        let modulations = self.modulations.iter().map(|set| set.name.as_str());
        let modulations = distinct("modulations", modulations)?;
        let adapters = distinct("adapters", self.adapters.iter().map(|set| set.name.as_str()))?;
        distinct("passes", self.passes.iter().map(|pass| pass.name.as_str()))?;
        let mut seen = distinct("segments", self.segments.iter().map(|part| part.name.as_str()))?;
        for reserved in ["video", "self"] {
            if !seen.insert(reserved) {
                return Err(bad("segments", reserved, "must have names of their own"));
            }
        }
        for segment in &self.segments {
            known("modulation", segment.modulation.as_deref(), &modulations)?;
            known("adapter", segment.adapter.as_deref(), &adapters)?;
            for other in &segment.attends_to {
                known("attends_to", Some(other), &seen)?;
            }
            if segment.keys != Keys::Fresh && !segment.stands_alone() {
                let expected = "must be `fresh` unless the segment has a `timestep`, sees no text \
                                and attends to `self` alone";
                return Err(bad("keys", &format!("{:?}", segment.keys).to_lowercase(), expected));
            }
        }
        known("adapter", self.adapter.as_deref(), &adapters)?;
        if let Some(shared) = &self.shared {
            shared.injection.parse::<InjectionKind>()?;
        }
        self.face.map_or(Ok(()), |face| face.check())
    }

    /// The sizes of the network it runs on, made from those of a base. `temporal` frames of a
    /// video go into one of its latent.
    ///
    /// # Errors
    /// As [`Mechanism::check`], and when the base lacks a branch.
    pub fn network(&self, base: &WanConfig, temporal: usize) -> ModelResult<WanConfig> {
        self.check()?;
        if self.control.is_some() && base.vace.is_none() {
            return Err(bad("control", "given", "needs a base with a VACE branch"));
        }
        let own = |set: &ModulationSpec| ModulationConfig {
            name: set.name.clone(),
            ffn_reuses_attention: set.ffn_reuses_attention,
        };
        let latent = base.out_channels;
        let more = self.channels.map_or(0, |channels| channels.count(latent, temporal));
        let attended = self.image.filter(|image| image.enters == ImageEntry::Attention);
        let config = WanConfig {
            in_channels: latent + more,
            image: attended.map(|ImageSpec { dim, .. }| ImageConfig { dim }),
            modulations: self.modulations.iter().map(own).collect(),
            vace: base.vace.clone().filter(|_| self.control.is_some()),
            ..base.clone()
        };
        config.validate().map(|()| config)
    }

    /// How the passes of a step are added up.
    pub fn guidance(&self) -> Guidance {
        guidance(&self.all_passes())
    }

    /// Forward passes of one step: the number of function evaluations is this times the steps.
    pub fn passes_per_step(&self) -> usize {
        self.guidance().passes().len()
    }

    /// The passes, one with everything if none is declared.
    pub fn all_passes(&self) -> Vec<PassSpec> {
        if self.passes.is_empty() { vec![PassSpec::default()] } else { self.passes.clone() }
    }
}

fn distinct<'a>(
    part: &'static str,
    names: impl Iterator<Item = &'a str>,
) -> ModelResult<BTreeSet<&'a str>> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(bad(part, name, "must have names of their own"));
        }
    }
    Ok(seen)
}

fn known(setting: &'static str, name: Option<&str>, names: &BTreeSet<&str>) -> ModelResult<()> {
    match name {
        Some(name) if !names.contains(name) => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let there = if names.is_empty() { "none".into() } else { names.join(", ") };
            Err(bad(setting, name, &format!("must be one of those declared: {there}")))
        }
        _ => Ok(()),
    }
}

fn bad(setting: &'static str, got: &str, expected: &str) -> ModelError {
    ModelError::BadSetting { setting, got: got.to_owned(), expected: expected.to_owned() }
}
