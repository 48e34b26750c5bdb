//! A mechanism on a network: its modules, and the input of each of its passes.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, bail};

use super::carriers::{AdapterSpec, AdapterStart, ImageEntry};
use super::face::Face;
use super::identity::Identity;
use super::mechanism::Mechanism;
use super::memory::Memory;
use super::pass::Presence;
use super::pass_input::PassInput;
use super::segment::SegmentSpec;
use crate::error::ModelResult;
use crate::flow::Guidance;
use crate::linear::Linear;
use crate::lora::{Lora, LoraGroup};
use crate::params::Params;
use crate::stream::Stream;
use crate::wan::{Injection, Wan};

/// A mechanism with all its modules. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Method {
    mechanism: Mechanism,
    guidance: Guidance,
    wan: Wan,
    adapters: BTreeMap<String, Lora>,
    injection: Option<Injection>,
    pub(super) face: Option<Face>,
    /// Image tokens → text width.
    pub(super) image_text: Option<Linear>,
}

/// What one batch is told, beside its noise.
#[derive(Clone, Debug)]
pub struct Told {
    /// The prompt, `[B, Lt, text_dim]`.
    pub prompt: Tensor,
    /// The negative text, of the same shape.
    pub negative: Tensor,
    /// The person.
    pub identity: Identity,
    /// What passes without the person's content are given; [`Identity::blank`] where there is no
    /// control latent.
    pub blank: Identity,
}

impl Method {
    /// Declares what the mechanism adds to a transformer, in `own`: adapters under
    /// `<name>.<layer>`, face modules, `injection.weight` and `image_text`. `wan` was built with
    /// the sizes of [`Mechanism::network`], its parameters in `network`.
    ///
    /// # Errors
    /// When a part does not fit the network.
    pub fn new(
        mechanism: &Mechanism,
        (wan, network): (Wan, &Params),
        own: &mut Params,
        seed: u64,
    ) -> ModelResult<Self> {
        mechanism.check()?;
        let config = wan.config().clone();
        let mut adapters = BTreeMap::new();
        for spec in &mechanism.adapters {
            adapters.insert(spec.name.clone(), adapter(spec, network, own, seed)?);
        }
        let injection = mechanism
            .shared
            .as_ref()
            .map(|shared| Injection::new(shared.injection.parse()?, shared.width, &config, own));
        let face = mechanism.face;
        let face = face.map(|spec| Face::new(spec, (config.dim, config.blocks), own, seed));
        let image = mechanism.image.filter(|image| image.enters == ImageEntry::Text);
        let image_text =
            image.map(|image| Linear::new(own, "image_text", (image.dim, config.text_dim), seed));
        Ok(Self {
            mechanism: mechanism.clone(),
            guidance: mechanism.guidance(),
            wan,
            adapters,
            injection: injection.transpose()?,
            face: face.transpose()?,
            image_text: image_text.transpose()?,
        })
    }

    /// What it was made from.
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// The network.
    pub fn wan(&self) -> &Wan {
        &self.wan
    }

    /// How the passes of a step are added up.
    pub fn guidance(&self) -> &Guidance {
        &self.guidance
    }

    /// The adapters of this name.
    pub fn adapter(&self, name: &str) -> Option<&Lora> {
        self.adapters.get(name)
    }

    /// Whether no velocity of the video can depend on a parameter of the method's own, by its name:
    /// adapters that nobody asks for, and those of clean segments in the last block but for keys and
    /// values. Training cannot move them (Stand-In's release has 1.3 of its 157 M weights there).
    pub fn is_idle(&self, parameter: &str) -> bool {
        let Some((adapter, layer)) = parameter.split_once('.') else { return false };
        if !self.adapters.contains_key(adapter)
            || self.mechanism.adapter.as_deref() == Some(adapter)
        {
            return false;
        }
        let worn = |segment: &&SegmentSpec| segment.adapter.as_deref() == Some(adapter);
        let wearers: Vec<_> = self.mechanism.segments.iter().filter(worn).collect();
        if wearers.is_empty() || wearers.iter().any(|segment| segment.noisy) {
            return wearers.is_empty();
        }
        let last = format!("blocks.{}.", self.wan.config().blocks.saturating_sub(1));
        let inside = layer.strip_prefix(&last);
        inside
            .is_some_and(|at| !["self_attn.k.", "self_attn.v."].iter().any(|kv| at.starts_with(kv)))
    }

    pub(super) fn injection(&self) -> Option<&Injection> {
        self.injection.as_ref()
    }

    /// The adapters on the video.
    pub(super) fn video_adapter(&self) -> Option<&Lora> {
        self.adapter(self.mechanism.adapter.as_deref()?)
    }

    /// The input of one pass that is given everything: what a training step runs. `video` is any
    /// latent of the video's shape.
    ///
    /// # Shapes
    /// - text: `[B, Lt, text_dim]`; video: `[B, C, F, H, W]`
    ///
    /// # Errors
    /// When a part that the mechanism needs is missing, or does not fit.
    pub fn pass(&self, text: &Tensor, identity: &Identity, video: &Tensor) -> Result<PassInput> {
        PassInput::new(self, (text, identity), video, None)
    }

    /// The inputs of all passes of a step, in the order of the guidance, with what need not be
    /// computed again in `memory`.
    ///
    /// # Errors
    /// As [`Method::pass`].
    pub fn passes(
        &self,
        told: &Told,
        video: &Tensor,
        memory: &mut Memory,
    ) -> Result<Vec<PassInput>> {
        let mut inputs = vec![];
        for pass in self.guidance.passes() {
            let declared = self.mechanism.all_passes();
            let Some(spec) = declared.iter().find(|spec| spec.name == pass.condition) else {
                bail!("no pass `{}` is declared", pass.condition)
            };
            let absent;
            let identity = match spec.identity {
                Presence::Given => &told.identity,
                Presence::Blank => &told.blank,
                Presence::Absent => {
                    absent = told.identity.absent()?;
                    &absent
                }
            };
            let text = if spec.prompt { &told.prompt } else { &told.negative };
            let memory = Some((&mut *memory, spec.identity));
            inputs.push(PassInput::new(self, (text, identity), video, memory)?);
        }
        Ok(inputs)
    }
}

fn adapter(spec: &AdapterSpec, network: &Params, own: &mut Params, seed: u64) -> ModelResult<Lora> {
    let AdapterSpec { targets, rank, alpha, .. } = spec.clone();
    let group = LoraGroup { targets, rank, alpha: alpha.unwrap_or(rank as f64) };
    let (earlier, prefix) = (own.len(), format!("{}.", spec.name));
    let lora = Lora::under(&prefix, &[group], network, (own, seed))?;
    if spec.start == AdapterStart::Normal {
        let downs = own.iter().skip(earlier).filter(|at| at.name().ends_with(".lora_A.weight"));
        for down in downs {
            let mut stream = Stream::new(seed, &format!("init/{}", down.name()), 0);
            let std = 1.0 / rank as f32;
            down.var().set(&stream.normal_tensor(down.var().shape(), std, own.device())?)?;
        }
    }
    Ok(lora)
}
