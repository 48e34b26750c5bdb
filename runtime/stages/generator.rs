//! A frozen generator as tuning and sampling see it, from whichever stage it comes.

use candle_core::Device;
use ffrun_models::{codec::LatentCodec, params::Params, wan::Wan};

use super::{
    base::Base,
    codec_on::CodecOn,
    input,
    public::{self, Record},
};
use crate::{
    engine::work::{StageError, Work},
    spec::TextSpec,
};

/// Network, codec, and how captions reach it.
pub(super) struct Generator {
    /// The network.
    pub(super) wan: Wan,
    /// Its parameters, frozen.
    pub(super) params: Params,
    /// Between frames and latents.
    pub(super) codec: CodecOn,
    /// Whether the control latent has channels that say where a position lies.
    pub(super) position_channels: bool,
    /// How captions become rows, and the rate of its clips; none for a public checkpoint, whose
    /// captions are a stage of their own and whose clips have any rate.
    pub(super) own: Option<(TextSpec, f64)>,
}

impl Generator {
    /// Reads the input in the role `base`: the result of a `pretrain`, `shipped` or `checkpoint`
    /// stage.
    pub(super) fn read(work: &Work<'_>, device: &Device) -> Result<Self, StageError> {
        let folder = input(work, "base")?;
        if Record::is_in(folder) {
            return Self::public(&Record::read(folder, work)?, device);
        }
        let Base { spec, wan, params, codec } = Base::read(folder, Params::frozen(device))?;
        Ok(Self {
            wan,
            params,
            codec: CodecOn::new(Box::new(codec), device),
            position_channels: spec.generator.position_channels,
            own: Some((spec.text, spec.fps)),
        })
    }

    fn public(record: &Record, device: &Device) -> Result<Self, StageError> {
        let codec = public::autoencoder(record, device)?;
        let (wan, params) = public::transformer(record, device)?;
        Ok(Self {
            wan,
            params,
            codec: CodecOn::new(Box::new(codec), device),
            position_channels: false,
            own: None,
        })
    }

    /// Number of VACE blocks.
    pub(super) fn hints(&self) -> usize {
        self.wan.config().vace.as_ref().map_or(0, |vace| vace.blocks.len())
    }

    /// Latent frames of a clip of `frames` frames.
    pub(super) fn latent_frames(&self, frames: usize) -> usize {
        self.codec.temporal(frames)
    }
}
