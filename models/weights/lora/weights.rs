//! Low-rank adapters as read from a file: by layer, whatever the file called them.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::adapter_config::AdapterConfig;
use super::key::{Part, parse};
use crate::lora::LoraGroup;
use crate::weights::{Family, WeightError, WeightFiles, WeightResult};

/// The adapter of one layer: y = W·x + α/r · B·(A·x).
#[derive(Clone, Debug)]
pub struct LoraLayer {
    /// A, `[r, inputs]`.
    pub down: Tensor,
    /// B, `[outputs, r]`.
    pub up: Tensor,
    /// α.
    pub alpha: f64,
}

impl LoraLayer {
    /// Rank r.
    pub fn rank(&self) -> usize {
        self.down.dims().first().copied().unwrap_or(0)
    }
}

/// Adapters by the original name of their layer (`blocks.0.self_attn.q`).
#[derive(Clone, Debug, Default)]
pub struct LoraWeights {
    /// The adapters.
    pub layers: BTreeMap<String, LoraLayer>,
}

/// The tensors of one layer as they are found.
#[derive(Default)]
struct Found {
    down: Option<Tensor>,
    up: Option<Tensor>,
    alpha: Option<f64>,
}

impl LoraWeights {
    /// Reads a file of PEFT, DiffSynth, kohya/ComfyUI (`lora_down`, `lora_up`, `alpha`), diffusers
    /// or Stand-In. α comes from the file, else from PEFT's `adapter_config.json` beside it, else
    /// it is r, as DiffSynth and Stand-In mean it.
    ///
    /// # Errors
    /// For a key of no known style, an adapter that lacks a half, and halves that do not fit.
    pub fn read(path: &Path, device: &Device) -> WeightResult<Self> {
        let config = AdapterConfig::beside(path)?;
        let error = |reason: String| WeightError::Lora { path: path.to_owned(), reason };
        let found = found(path, device)?;
        let naming = Family::Wan.naming(found.keys().map(String::as_str));
        let mut layers = BTreeMap::new();
        for (layer, found) in found {
            let fallback = |rank: usize| match &config {
                Some(config) => config.alpha(&layer, rank),
                None => rank as f64,
            };
            let adapter =
                found.adapter(&fallback).map_err(|reason| error(format!("`{layer}` {reason}")))?;
            let name = Family::Wan.original_name(&layer, naming).unwrap_or_else(|| layer.clone());
            if layers.insert(name.clone(), adapter).is_some() {
                return Err(error(format!("`{name}` is adapted twice, once as `{layer}`")));
            }
        }
        Ok(Self { layers })
    }

    /// The groups that declare adapters of these layers, ranks and αs.
    pub fn groups(&self) -> Vec<LoraGroup> {
        let mut groups: Vec<LoraGroup> = vec![];
        for (name, layer) in &self.layers {
            let same =
                |group: &&mut LoraGroup| group.rank == layer.rank() && group.alpha == layer.alpha;
            match groups.iter_mut().find(same) {
                Some(group) => group.targets.push(name.clone()),
                None => groups.push(LoraGroup {
                    targets: vec![name.clone()],
                    rank: layer.rank(),
                    alpha: layer.alpha,
                }),
            }
        }
        groups
    }

    /// The tensors by the names that [`crate::lora::Lora`] declares, for `Params::load`.
    pub fn to_map(&self) -> BTreeMap<String, Tensor> {
        let tensors = self.layers.iter().flat_map(|(name, layer)| {
            [
                (format!("{name}.lora_A.weight"), layer.down.clone()),
                (format!("{name}.lora_B.weight"), layer.up.clone()),
            ]
        });
        tensors.collect()
    }

    /// The adapters in a map of tensors named as [`crate::lora::Lora`] declares them, with the α of
    /// each layer.
    ///
    /// # Errors
    /// As [`LoraWeights::read`]; `path` is what errors name.
    pub fn from_map(
        map: &BTreeMap<String, Tensor>,
        alpha: &dyn Fn(&str) -> f64,
        path: &Path,
    ) -> WeightResult<Self> {
        let error = |reason: String| WeightError::Lora { path: path.to_owned(), reason };
        let mut found: BTreeMap<&str, Found> = BTreeMap::new();
        for (key, value) in map {
            match parse(key) {
                Some((layer, Part::Down)) => {
                    found.entry(layer).or_default().down = Some(value.clone());
                }
                Some((layer, Part::Up)) => found.entry(layer).or_default().up = Some(value.clone()),
                _ => return Err(error(format!("`{key}` is no adapter's tensor"))),
            }
        }
        let layers = found.into_iter().map(|(layer, found)| {
            let adapter = found.adapter(&|_| alpha(layer));
            Ok((layer.to_owned(), adapter.map_err(|reason| error(format!("`{layer}` {reason}")))?))
        });
        Ok(Self { layers: layers.collect::<WeightResult<_>>()? })
    }
}

/// The tensors of a file by the layer they adapt, as the file names it.
fn found(path: &Path, device: &Device) -> WeightResult<BTreeMap<String, Found>> {
    let files = WeightFiles::open(path)?;
    let error = |reason: String| WeightError::Lora { path: path.to_owned(), reason };
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for (key, _) in files.shapes() {
        let (layer, part) = parse(key).ok_or_else(|| {
            error(format!(
                "`{key}` is of no known LoRA style; known are PEFT, DiffSynth, lora_down/lora_up, \
                 diffusers and Stand-In"
            ))
        })?;
        let Some(value) = files.tensor(key, DType::F32, device)? else { continue };
        let entry = found.entry(layer.to_owned()).or_default();
        match part {
            Part::Down => entry.down = Some(value),
            Part::Up => entry.up = Some(value),
            Part::Alpha => {
                let alpha = one_number(&value).map_err(|shape| {
                    error(format!("`{key}` should be one number, but has shape {shape:?}"))
                })?;
                entry.alpha = Some(alpha);
            }
        }
    }
    Ok(found)
}

impl Found {
    /// The adapter, or what is wrong with it as the end of a sentence.
    fn adapter(self, alpha: &dyn Fn(usize) -> f64) -> Result<LoraLayer, String> {
        let (down, up) = match (self.down, self.up) {
            (Some(down), Some(up)) => (down, up),
            (Some(_), None) => return Err("has an A, but no B; the file is incomplete".into()),
            (None, Some(_)) => return Err("has a B, but no A; the file is incomplete".into()),
            (None, None) => return Err("has an alpha, but neither A nor B".into()),
        };
        let (a, b) = (down.dims(), up.dims());
        if a.len() != 2 || b.len() != 2 || a[0] != b[1] || a[0] == 0 {
            return Err(format!(
                "has A of shape {a:?} and B of shape {b:?}; they should be [r, inputs] and \
                 [outputs, r] of one rank r"
            ));
        }
        let alpha = self.alpha.unwrap_or_else(|| alpha(a[0]));
        Ok(LoraLayer { down, up, alpha })
    }
}

/// The only value of a tensor, or its shape.
fn one_number(value: &Tensor) -> Result<f64, Vec<usize>> {
    let number = value.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
    match number.as_deref() {
        Ok([number]) => Ok(f64::from(*number)),
        _ => Err(value.dims().to_vec()),
    }
}
