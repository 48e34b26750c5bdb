//! Writes low-rank adapters as the tools that read them expect.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};

use super::adapter_config::AdapterConfig;
use super::{LoraLayer, LoraWeights};
use crate::checkpoint;
use crate::error::ModelError;
use crate::weights::{WeightError, WeightResult};

/// Whose names, and whose meaning of α, a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraStyle {
    /// `base_model.model.<layer>.lora_A.weight`, α in `adapter_config.json`.
    Peft,
    /// `<layer>.lora_A.default.weight`, α = r: other αs are multiplied into B.
    DiffSynth,
    /// `diffusion_model.<layer>.lora_down.weight` and `<layer>.alpha`: kohya's, which ComfyUI reads.
    DownUp,
    /// `<layer>_loras.down.weight` for q, k and v of self-attention, α = r.
    StandIn,
}

/// The contents of the file or files of one set of adapters.
#[derive(Clone, Debug)]
pub struct EncodedLora {
    /// The safetensors file; PEFT wants it called `adapter_model.safetensors`.
    pub safetensors: Vec<u8>,
    /// `adapter_config.json` beside it, in [`LoraStyle::Peft`] alone.
    pub adapter_config: Option<String>,
}

impl LoraWeights {
    /// The file contents in a style.
    ///
    /// # Errors
    /// When the style has no name for a layer.
    pub fn encode(&self, style: LoraStyle) -> WeightResult<EncodedLora> {
        let mut tensors = BTreeMap::new();
        for (name, layer) in &self.layers {
            match style {
                LoraStyle::Peft => {
                    let name = format!("base_model.model.{name}");
                    tensors.insert(format!("{name}.lora_A.weight"), layer.down.clone());
                    tensors.insert(format!("{name}.lora_B.weight"), layer.up.clone());
                }
                LoraStyle::DiffSynth => {
                    tensors.insert(format!("{name}.lora_A.default.weight"), layer.down.clone());
                    tensors.insert(format!("{name}.lora_B.default.weight"), scaled_up(layer)?);
                }
                LoraStyle::DownUp => {
                    let name = format!("diffusion_model.{name}");
                    let alpha = Tensor::new(layer.alpha as f32, &Device::Cpu)?;
                    tensors.insert(format!("{name}.alpha"), alpha);
                    tensors.insert(format!("{name}.lora_down.weight"), layer.down.clone());
                    tensors.insert(format!("{name}.lora_up.weight"), layer.up.clone());
                }
                LoraStyle::StandIn => {
                    check_stand_in(name)?;
                    tensors.insert(format!("{name}_loras.down.weight"), layer.down.clone());
                    tensors.insert(format!("{name}_loras.up.weight"), scaled_up(layer)?);
                }
            }
        }
        let safetensors = checkpoint::encode(&tensors).map_err(|error| match error {
            ModelError::Tensor(error) => WeightError::Tensor(error),
            other => unwritable(other.to_string()),
        })?;
        let adapter_config = match style {
            LoraStyle::Peft => Some(self.adapter_config()?),
            LoraStyle::DiffSynth | LoraStyle::DownUp | LoraStyle::StandIn => None,
        };
        Ok(EncodedLora { safetensors, adapter_config })
    }

    /// PEFT's configuration. Layers that differ from the first are listed.
    fn adapter_config(&self) -> WeightResult<String> {
        let (r, lora_alpha) =
            self.layers.values().next().map_or((0, 0.0), |layer| (layer.rank(), layer.alpha));
        let differing = |differs: &dyn Fn(&LoraLayer) -> bool| {
            let layers = self.layers.iter().filter(|(_, layer)| differs(layer));
            layers.map(|(name, layer)| (name.clone(), layer.clone())).collect::<Vec<_>>()
        };
        let ranks = differing(&|layer| layer.rank() != r).into_iter();
        let alphas = differing(&|layer| layer.alpha != lora_alpha).into_iter();
        let config = AdapterConfig {
            peft_type: "LORA".into(),
            r,
            lora_alpha,
            rank_pattern: ranks.map(|(name, layer)| (name, layer.rank())).collect(),
            alpha_pattern: alphas.map(|(name, layer)| (name, layer.alpha)).collect(),
            target_modules: self.layers.keys().cloned().collect(),
            use_rslora: false,
            use_dora: false,
        };
        serde_json::to_string_pretty(&config).map_err(|error| unwritable(error.to_string()))
    }
}

/// B·α/r, for styles whose readers take the adapter once.
fn scaled_up(layer: &LoraLayer) -> WeightResult<Tensor> {
    let factor = layer.alpha / layer.rank() as f64;
    Ok(if factor == 1.0 { layer.up.clone() } else { (&layer.up * factor)? })
}

fn check_stand_in(layer: &str) -> WeightResult<()> {
    let fits = ["q", "k", "v"].iter().any(|end| layer.ends_with(&format!(".self_attn.{end}")));
    if fits {
        return Ok(());
    }
    Err(unwritable(format!("Stand-In's files have no place for `{layer}`; choose another style")))
}

fn unwritable(reason: String) -> WeightError {
    WeightError::Lora { path: Path::new("adapters").to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use candle_core::{Device, Tensor};

    use super::{LoraLayer, LoraStyle, LoraWeights};
    use crate::checkpoint;
    use crate::stream::Stream;

    fn layer(name: &str, rank: usize, alpha: f64) -> (String, LoraLayer) {
        let mut stream = Stream::new(1, name, 0);
        let mut normal = |shape| stream.normal_tensor(shape, 1.0, &Device::Cpu).unwrap();
        (name.to_owned(), LoraLayer { down: normal((rank, 5)), up: normal((7, rank)), alpha })
    }

    fn adapters() -> LoraWeights {
        let layers = [
            layer("blocks.0.self_attn.q", 2, 4.0),
            layer("blocks.0.self_attn.v", 2, 2.0),
            layer("vace_blocks.1.self_attn.k", 3, 4.0),
        ];
        LoraWeights { layers: layers.into() }
    }

    /// α/r·B·A of each layer: what an adapter does, however the factors are kept.
    fn changes(weights: &LoraWeights) -> Vec<(String, Vec<f32>)> {
        let change = |layer: &LoraLayer| {
            let product = layer.up.matmul(&layer.down).unwrap();
            let scaled = (product * (layer.alpha / layer.rank() as f64)).unwrap();
            scaled.flatten_all().unwrap().to_vec1().unwrap()
        };
        weights.layers.iter().map(|(name, layer)| (name.clone(), change(layer))).collect()
    }

    fn assert_same(found: &LoraWeights, expected: &LoraWeights) {
        for (found, expected) in changes(found).iter().zip(changes(expected)) {
            assert_eq!(found.0, expected.0);
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
            assert!(found.1.iter().zip(&expected.1).all(close), "{}", found.0);
        }
        assert_eq!(found.layers.len(), expected.layers.len());
    }

    fn write(folder: &Path, style: LoraStyle) -> PathBuf {
        let encoded = adapters().encode(style).unwrap();
        let path = folder.join("adapter_model.safetensors");
        std::fs::write(&path, &encoded.safetensors).unwrap();
        assert_eq!(encoded.adapter_config.is_some(), style == LoraStyle::Peft);
        if let Some(config) = encoded.adapter_config {
            std::fs::write(folder.join("adapter_config.json"), config).unwrap();
        }
        path
    }

    #[test]
    fn every_style_goes_there_and_back() {
        for style in [LoraStyle::Peft, LoraStyle::DiffSynth, LoraStyle::DownUp, LoraStyle::StandIn]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = write(folder.path(), style);
            let read = LoraWeights::read(&path, &Device::Cpu).unwrap();
            assert_same(&read, &adapters());
            if matches!(style, LoraStyle::Peft | LoraStyle::DownUp) {
                assert_eq!(read.layers["blocks.0.self_attn.q"].alpha, 4.0);
            }
        }
    }

    #[test]
    fn rank_stabilised_adapters_count_as_peft_counts_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), LoraStyle::Peft);
        let config = folder.path().join("adapter_config.json");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("\"use_rslora\": false", "\"use_rslora\": true");
        std::fs::write(&config, &text).unwrap();
        let read = LoraWeights::read(&path, &Device::Cpu).unwrap();
        let layer = &read.layers["blocks.0.self_attn.q"];
        let scale = layer.alpha / layer.rank() as f64;
        assert!((scale - 4.0 / 2f64.sqrt()).abs() < 1e-12);
        std::fs::write(&config, text.replace("\"use_dora\": false", "\"use_dora\": true")).unwrap();
        let error = LoraWeights::read(&path, &Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("no DoRA"), "{error}");
    }

    #[test]
    fn diffusers_modules_get_their_original_names() {
        let folder = tempfile::tempdir().unwrap();
        let (_, layer) = layer("x", 2, 2.0);
        let map = [
            ("transformer.blocks.0.attn1.to_q.lora_A.weight".to_owned(), layer.down),
            ("transformer.blocks.0.attn1.to_q.lora_B.weight".to_owned(), layer.up),
        ];
        let path = folder.path().join("d.safetensors");
        std::fs::write(&path, checkpoint::encode(&map.into()).unwrap()).unwrap();
        let read = LoraWeights::read(&path, &Device::Cpu).unwrap();
        assert_eq!(read.layers.keys().collect::<Vec<_>>(), ["blocks.0.self_attn.q"]);
        assert_eq!(read.layers["blocks.0.self_attn.q"].alpha, 2.0); // r, as nothing else is said
    }

    #[test]
    fn incomplete_and_foreign_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.safetensors");
        let (_, layer) = layer("x", 2, 2.0);
        let message = |tensors: Vec<(&str, &Tensor)>| {
            let map = tensors.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
            std::fs::write(&path, checkpoint::encode(&map.collect()).unwrap()).unwrap();
            LoraWeights::read(&path, &Device::Cpu).unwrap_err().to_string()
        };
        let text = message(vec![("a.lora_A.weight", &layer.down)]);
        assert!(text.ends_with("`a` has an A, but no B; the file is incomplete"), "{text}");
        let text = message(vec![("a.lora_A.weight", &layer.down), ("a.diff_b", &layer.up)]);
        assert!(text.contains("`a.diff_b` is of no known LoRA style"), "{text}");
        let text =
            message(vec![("a.lora_A.weight", &layer.down), ("a.lora_B.weight", &layer.down)]);
        assert!(text.contains("A of shape [2, 5] and B of shape [2, 5]"), "{text}");
        let text = message(vec![("a.alpha", &layer.down)]);
        assert!(text.contains("`a.alpha` should be one number, but has shape [2, 5]"), "{text}");
    }

    #[test]
    fn stand_in_has_no_place_for_other_layers() {
        let weights = LoraWeights { layers: [layer("blocks.0.ffn.0", 2, 2.0)].into() };
        let error = weights.encode(LoraStyle::StandIn).unwrap_err().to_string();
        assert!(error.contains("no place for `blocks.0.ffn.0`"), "{error}");
    }

    #[test]
    fn what_a_network_declares_loads_what_was_read() {
        use crate::lora::Lora;
        use crate::params::{Group, Params};
        let mut base = Params::new(&Device::Cpu);
        let zeros = Tensor::zeros((7, 5), candle_core::DType::F32, &Device::Cpu).unwrap();
        for name in adapters().layers.keys() {
            base.add(&format!("{name}.weight"), &zeros, Group::Frozen).unwrap();
        }
        let mut params = Params::new(&Device::Cpu);
        Lora::new(&adapters().groups(), &base, &mut params, 0).unwrap();
        params.load(&adapters().to_map()).unwrap();
        let alpha = |name: &str| adapters().layers[name].alpha;
        let back = LoraWeights::from_map(&params.to_map().unwrap(), &alpha, Path::new("run"));
        assert_same(&back.unwrap(), &adapters());
    }
}
