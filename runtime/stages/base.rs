//! A base generator and its file: network, codec and text encoder together, so that one file is
//! all that sampling needs.

use std::{collections::BTreeMap, path::Path};

use candle_core::{DType, Device, Tensor};
use ffrun_models::{
    checkpoint::decode,
    codec::{LatentCodec, PcaCodec},
    params::Params,
    wan::{VaceConfig, Wan, WanConfig},
};
use safetensors::SafeTensors;

use super::{
    model_error,
    stills::{damaged, missing},
    tensor_error,
    training::{prefixed, without_prefix},
};
use crate::{
    engine::{files, work::StageError},
    spec::BaseSpec,
};

/// Name of the file in the result of a `pretrain` or `shipped` stage.
pub const FILE: &str = "base.safetensors";

/// A generator with its parameters, codec and spec.
pub struct Base {
    /// What it is.
    pub spec: BaseSpec,
    /// The network.
    pub wan: Wan,
    /// Its parameters.
    pub params: Params,
    /// Between frames and latents.
    pub codec: PcaCodec,
}

impl Base {
    /// A network of initial weights drawn from `seed`, with its parameters added to `params`.
    pub(super) fn new(
        spec: BaseSpec,
        codec: PcaCodec,
        mut params: Params,
        seed: u64,
    ) -> Result<Self, StageError> {
        let config = network(&spec, codec.latent_channels(), codec.spatial());
        let wan = Wan::new(&config, &mut params, seed).map_err(model_error)?;
        Ok(Self { spec, wan, params, codec })
    }

    /// Reads a base, into `params` that decide whether it is trained.
    pub(super) fn read(folder: &Path, params: Params) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let bytes = files::read_optional(&path)?.ok_or_else(|| missing(&path))?;
        Self::decode(&bytes, params, &path)
    }

    /// Reads a base from the bytes of its file; `path` is what errors name.
    pub(super) fn decode(bytes: &[u8], params: Params, path: &Path) -> Result<Self, StageError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged(path))?;
        let spec = header.metadata().as_ref().and_then(|map| map.get("base"));
        let spec = spec.and_then(|text| serde_json::from_str::<BaseSpec>(text).ok());
        let spec = spec.ok_or_else(|| {
            StageError::Failed(format!("`{}` does not say what generator it is", path.display()))
        })?;
        let device = params.device().clone();
        let all = decode(bytes, &device).map_err(model_error)?;
        let codec = PcaCodec::from_map(&without_prefix("codec.", &all), &device);
        let base = Self::new(spec, codec.map_err(model_error)?, params, 0)?;
        base.params.load(&without_prefix("generator.", &all)).map_err(model_error)?;
        Ok(base)
    }

    /// The bytes of its file, with these weights in f16.
    pub(super) fn encode(&self, weights: BTreeMap<String, Tensor>) -> Result<Vec<u8>, StageError> {
        let mut all = BTreeMap::new();
        for (name, weight) in prefixed("generator.", weights) {
            let half =
                weight.to_device(&Device::Cpu).and_then(|weight| weight.to_dtype(DType::F16));
            all.insert(name, half.map_err(tensor_error)?);
        }
        all.extend(prefixed("codec.", self.codec.to_map().map_err(tensor_error)?));
        let spec = serde_json::to_string(&self.spec).unwrap_or_default();
        let metadata = [("base".to_owned(), spec)].into();
        safetensors::serialize(
            all.iter().map(|(name, tensor)| (name.as_str(), tensor)),
            Some(metadata),
        )
        .map_err(damaged(Path::new(FILE)))
    }
}

/// The network of a base whose codec has so many channels and pixels to a latent position.
pub(crate) fn network(spec: &BaseSpec, channels: usize, spatial: usize) -> WanConfig {
    let generator = &spec.generator;
    let cells = (spec.size_px / spatial.max(1)).pow(2);
    let positions = if generator.position_channels { cells } else { 0 };
    let vace = VaceConfig {
        blocks: generator.vace_blocks.clone(),
        in_channels: 2 * channels + spatial * spatial + positions,
    };
    WanConfig {
        dim: generator.width,
        ffn_dim: generator.ffn_width,
        heads: generator.heads,
        blocks: generator.blocks,
        in_channels: channels,
        out_channels: channels,
        patch: [1, generator.patch, generator.patch],
        text_dim: spec.text.dim,
        text_len: None,
        freq_dim: generator.freq_width,
        eps: 1e-6,
        vace: (!generator.vace_blocks.is_empty()).then_some(vace),
        image: None,
        modulations: Vec::new(),
    }
}
