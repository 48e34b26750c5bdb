//! A trained evaluator and its file: spec and weights together, so that one file is all that
//! measuring needs.

use std::{collections::BTreeMap, path::Path};

use candle_core::{DType, Device, Tensor};
use ffrun_models::{
    checkpoint::decode,
    evaluators::{Classes, DualEncoder, PoseNet, Recogniser},
    params::Params,
};
use safetensors::SafeTensors;

use super::network::Network;
use crate::{
    engine::{files, work::StageError},
    spec::EvaluatorSpec,
    stages::{
        model_error,
        stills::{damaged, missing},
        tensor_error,
    },
};

/// Name of the file in the result of an `evaluator` stage.
pub const FILE: &str = "evaluator.safetensors";

/// A network with its spec, ready to measure.
#[derive(Debug)]
pub struct Evaluator {
    /// What it is and how it was trained.
    pub spec: EvaluatorSpec,
    network: Network,
    device: Device,
}

impl Evaluator {
    /// Reads the result of an `evaluator` stage.
    pub fn read(folder: &Path, device: &Device) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let bytes = files::read_optional(&path)?.ok_or_else(|| missing(&path))?;
        Self::decode(&bytes, &path, device)
    }

    /// Reads an evaluator from the bytes of its file; `path` is what errors name.
    pub fn decode(bytes: &[u8], path: &Path, device: &Device) -> Result<Self, StageError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged(path))?;
        let spec = header.metadata().as_ref().and_then(|map| map.get("evaluator"));
        let spec = spec.and_then(|text| serde_json::from_str::<EvaluatorSpec>(text).ok());
        let spec = spec.ok_or_else(|| {
            StageError::Failed(format!("`{}` does not say what evaluator it is", path.display()))
        })?;
        let mut params = Params::frozen(device);
        let network = Network::new(&spec, &mut params, 0)?;
        params.load(&decode(bytes, device).map_err(model_error)?).map_err(model_error)?;
        Ok(Self { spec, network, device: device.clone() })
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The network of a recogniser.
    pub fn recogniser(&self) -> Result<&Recogniser, StageError> {
        match &self.network {
            Network::Recogniser(network) => Ok(network),
            _ => Err(self.wrong_kind("a recogniser")),
        }
    }

    /// The network of a pose estimator.
    pub fn pose(&self) -> Result<&PoseNet, StageError> {
        match &self.network {
            Network::Pose(network) => Ok(network),
            _ => Err(self.wrong_kind("a pose estimator")),
        }
    }

    /// The network of a dual encoder.
    pub fn captions(&self) -> Result<&DualEncoder, StageError> {
        match &self.network {
            Network::Captions(network) => Ok(network),
            _ => Err(self.wrong_kind("a dual encoder of frames and captions")),
        }
    }

    fn wrong_kind(&self, wanted: &str) -> StageError {
        StageError::Failed(format!(
            "the evaluator measures `{}`, but {wanted} is needed here",
            self.spec.measures
        ))
    }
}

/// The bytes of an evaluator's file: these weights in f16, without the people of its training.
pub(super) fn encode(
    spec: &EvaluatorSpec,
    weights: BTreeMap<String, Tensor>,
) -> Result<Vec<u8>, StageError> {
    let mut halves = BTreeMap::new();
    for (name, weight) in weights.into_iter().filter(|(name, _)| name != Classes::NAME) {
        let half = weight.to_device(&Device::Cpu).and_then(|weight| weight.to_dtype(DType::F16));
        halves.insert(name, half.map_err(tensor_error)?);
    }
    let spec = serde_json::to_string(spec).unwrap_or_default();
    let metadata = [("evaluator".to_owned(), spec)].into();
    let tensors = halves.iter().map(|(name, tensor)| (name.as_str(), tensor));
    safetensors::serialize(tensors, Some(metadata)).map_err(damaged(Path::new(FILE)))
}
