//! The input of one pass: everything a mechanism feeds the network beside latent and timestep.

use candle_core::{Result, Tensor, bail};

use super::carriers::ImageEntry;
use super::face::FaceReading;
use super::identity::Identity;
use super::memory::Memory;
use super::method::Method;
use super::pass::Presence;
use super::segment::{Keys, SegmentSpec};
use crate::wan::{
    AfterBlock, Attends, Observer, Remembered, RememberedText, Segment, SharedInput, Tokens,
    VaceInput, Wan, WanInput,
};

/// One pass, ready to be run at any latent and timestep.
#[derive(Clone, Debug)]
pub struct PassInput {
    /// Keeps only the tokens between blocks for the backward pass; see [`WanInput::recompute`].
    pub recompute: bool,
    method: Method,
    text: Tensor,
    control: Option<(Tensor, Tensor)>,
    channels: Option<Tensor>,
    image: Option<Tensor>,
    shared: Option<Tensor>,
    face: Option<FaceReading>,
    segments: Vec<Reference>,
    remembered: Vec<Remembered>,
    remembered_text: Option<RememberedText>,
}

/// A segment with its latent.
#[derive(Clone, Debug)]
struct Reference {
    spec: SegmentSpec,
    latent: Tensor,
    origin: [i64; 3],
    timestep: Option<Tensor>,
    /// The segments it sees; `None` is all of them.
    sees: Option<Vec<usize>>,
}

impl PassInput {
    pub(super) fn new(
        method: &Method,
        (text, identity): (&Tensor, &Identity),
        video: &Tensor,
        memory: Option<(&mut Memory, Presence)>,
    ) -> Result<Self> {
        let mechanism = method.mechanism();
        let samples = memory.is_some();
        let (segments, remembered) = references(method, identity, video, memory)?;
        let (text, image) = text_and_image(method, text, identity)?;
        let control = match (mechanism.control, &identity.control) {
            (Some(spec), Some(context)) => {
                let layers =
                    method.wan().config().vace.as_ref().map_or(0, |vace| vace.blocks.len());
                let scales = Tensor::full(spec.scale as f32, layers, context.device())?;
                Some((context.clone(), scales.to_dtype(context.dtype())?))
            }
            _ => None,
        };
        let face = match (&method.face, &identity.face) {
            (Some(face), Some(input)) => {
                Some(FaceReading { face: face.clone(), tokens: face.tokens(input)? })
            }
            _ => None,
        };
        if mechanism.channels.is_some() && identity.channels.is_none() {
            bail!(
                "`{}` needs input channels; make them with `ChannelsSpec::build`",
                mechanism.name
            );
        }
        let mut input = Self {
            recompute: false,
            method: method.clone(),
            text,
            control,
            channels: identity.channels.clone().filter(|_| mechanism.channels.is_some()),
            image,
            shared: identity.shared.clone(),
            face,
            segments,
            remembered,
            remembered_text: None,
        };
        if samples {
            // The text is the same at every step; its keys need neither latent nor timestep.
            let text = method.wan().remember_text(&input.input((video, video), &[]))?;
            input.remembered_text = Some(text);
        }
        Ok(input)
    }

    /// The segments, for [`PassInput::input`].
    pub fn segments(&self) -> Vec<Segment<'_>> {
        self.segments.iter().map(|reference| reference.segment(&self.method)).collect()
    }

    /// What is left of the segments that need not be run again.
    pub fn remembered(&self) -> &[Remembered] {
        &self.remembered
    }

    /// What the network is given.
    ///
    /// # Shapes
    /// - latent: `[B, C, F, H, W]`; timestep: `[B]`
    pub fn input<'a>(
        &'a self,
        (latent, timestep): (&'a Tensor, &'a Tensor),
        segments: &'a [Segment<'a>],
    ) -> WanInput<'a> {
        let injection = self.method.injection().zip(self.shared.as_ref());
        let control = self.control.as_ref();
        WanInput {
            vace: control.map(|(context, scales)| VaceInput { context, scales: Some(scales) }),
            channels: self.channels.as_ref(),
            image: self.image.as_ref(),
            shared: injection.map(|(injection, value)| SharedInput { injection, value }),
            lora: self.method.video_adapter(),
            segments,
            remembered: &self.remembered,
            remembered_text: self.remembered_text.as_ref(),
            after_blocks: self.face.as_ref().map(|face| face as &dyn AfterBlock),
            recompute: self.recompute,
            ..WanInput::new(latent, timestep, &self.text)
        }
    }

    /// The velocities of the video and of every noisy segment.
    ///
    /// # Shapes
    /// - latent: `[B, C, F, H, W]`; timestep: `[B]`; output: as `latent`, or the references'
    ///
    /// # Errors
    /// As [`Wan::velocities`].
    pub fn velocities(
        &self,
        latent: &Tensor,
        timestep: &Tensor,
        observer: Option<Observer>,
    ) -> Result<Vec<Tensor>> {
        let segments = self.segments();
        let input = WanInput { observer, ..self.input((latent, timestep), &segments) };
        self.method.wan().velocities(&input)
    }
}

type References = (Vec<Reference>, Vec<Remembered>);

/// The segments that are run with the video, and keys of those that need not be.
fn references(
    method: &Method,
    identity: &Identity,
    video: &Tensor,
    mut memory: Option<(&mut Memory, Presence)>,
) -> Result<References> {
    let (mut live, mut remembered) = (vec![], vec![]);
    for spec in &method.mechanism().segments {
        let known = memory.as_ref().filter(|_| spec.keys != Keys::Fresh);
        let known = known.and_then(|(memory, presence)| memory.get(&spec.name, *presence));
        if let Some(known) = known {
            remembered.push(known.clone());
            continue;
        }
        if identity.references.is_empty() {
            continue;
        }
        let reference = Reference::new(spec, identity, (method.wan(), video))?;
        match &mut memory {
            Some((memory, presence)) if spec.keys != Keys::Fresh => {
                let found = method.wan().remember(&reference.segment(method))?;
                memory.put(&spec.name, *presence, found.clone());
                remembered.push(found);
            }
            _ => live.push(reference),
        }
    }
    let names: Vec<String> = live.iter().map(|reference| reference.spec.name.clone()).collect();
    for (at, reference) in live.iter_mut().enumerate() {
        reference.sees = sees(&reference.spec, at, &names);
    }
    Ok((live, remembered))
}

/// Places of the segments that a segment sees among those that are run, 0 being the video.
fn sees(spec: &SegmentSpec, at: usize, names: &[String]) -> Option<Vec<usize>> {
    let place = |name: &String| match name.as_str() {
        "video" => Some(0),
        "self" => Some(at + 1),
        name => Some(names.iter().position(|other| other == name)? + 1),
    };
    (!spec.attends_to.is_empty()).then(|| spec.attends_to.iter().filter_map(place).collect())
}

impl Reference {
    fn new(spec: &SegmentSpec, identity: &Identity, (wan, video): (&Wan, &Tensor)) -> Result<Self> {
        let all = &identity.references;
        let wanted: Vec<usize> = match spec.references.as_slice() {
            [] => (0..all.len()).collect(),
            some => some.to_vec(),
        };
        let mut frames = vec![];
        for at in wanted {
            match all.get(at) {
                Some(latent) => frames.push(latent),
                None => bail!(
                    "segment `{}` wants reference {at}, but there are {}",
                    spec.name,
                    all.len()
                ),
            }
        }
        let latent = Tensor::cat(&frames, 2)?;
        let grid = wan.token_grid(video)?;
        let origin = [0, 1, 2].map(|axis| spec.offset[axis].position(grid[axis]));
        let timestep = spec.timestep;
        let timestep = timestep.map(|t| Tensor::full(t, latent.dim(0)?, latent.device()));
        Ok(Self { spec: spec.clone(), latent, origin, timestep: timestep.transpose()?, sees: None })
    }

    fn segment<'a>(&'a self, method: &'a Method) -> Segment<'a> {
        let attends_to = match &self.sees {
            _ if self.spec.sees_itself_alone() => Attends::Itself,
            Some(seen) => Attends::Only(seen),
            None => Attends::All,
        };
        let adapter = self.spec.adapter.as_deref();
        Segment {
            timestep: self.timestep.as_ref(),
            modulation: self.spec.modulation.as_deref(),
            sees_text: self.spec.sees_text,
            attends_to,
            noisy: self.spec.noisy,
            lora: adapter.and_then(|name| method.adapter(name)),
            ..Segment::clean(Tokens::Latent(&self.latent), self.origin)
        }
    }
}

/// Text rows with the image tokens behind them where those enter so, and image tokens otherwise.
fn text_and_image(
    method: &Method,
    text: &Tensor,
    identity: &Identity,
) -> Result<(Tensor, Option<Tensor>)> {
    let Some(spec) = method.mechanism().image else { return Ok((text.clone(), None)) };
    let Some(image) = &identity.image else {
        bail!("`{}` needs an image encoder's tokens", method.mechanism().name)
    };
    match (spec.enters, &method.image_text) {
        (ImageEntry::Text, Some(map)) => Ok((Tensor::cat(&[text, &map.forward(image)?], 1)?, None)),
        _ => Ok((text.clone(), Some(image.clone()))),
    }
}
