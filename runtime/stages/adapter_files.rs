//! Adapters as other programs read them, for tunings of a public checkpoint.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use candle_core::Tensor;
use ffrun_models::{
    checkpoint::encode,
    wan::diffusers_from_original,
    weights::{LoraStyle, LoraWeights, WeightError},
};

use super::{model_error, tensor_error};
use crate::{
    engine::{files, work::StageError},
    spec::AdapterSpec,
};

/// Writes the LoRA for PEFT (`adapter_model.safetensors`, `adapter_config.json`), for diffusers
/// (`pytorch_lora_weights.safetensors`) and in kohya's style, which ComfyUI reads
/// (`lora.safetensors`). The way S comes in has no place in any: those programs know no aligner.
pub(super) fn write(
    folder: &Path,
    weights: &BTreeMap<String, Tensor>,
    spec: &AdapterSpec,
) -> Result<(), StageError> {
    let of_lora = weights.iter().filter(|(name, _)| name.contains(".lora_"));
    let layers: BTreeMap<String, Tensor> =
        of_lora.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    if layers.is_empty() {
        return Ok(());
    }
    let failed = |error: WeightError| StageError::Failed(error.to_string());
    let lora = LoraWeights::from_map(&layers, &|_| spec.alpha, folder).map_err(failed)?;
    let peft = lora.encode(LoraStyle::Peft).map_err(failed)?;
    let plain = lora.encode(LoraStyle::DownUp).map_err(failed)?;
    let config = peft.adapter_config.unwrap_or_default().into_bytes();
    let out: [(PathBuf, Vec<u8>); 4] = [
        (folder.join("adapter_model.safetensors"), peft.safetensors),
        (folder.join("adapter_config.json"), config),
        (folder.join("pytorch_lora_weights.safetensors"), for_diffusers(&lora)?),
        (folder.join("lora.safetensors"), plain.safetensors),
    ];
    Ok(out.iter().try_for_each(|(path, bytes)| files::write_atomic(path, bytes))?)
}

/// Under diffusers' own names, α/r multiplied into B: it reads no α there, and its conversion of
/// other styles knows no VACE blocks.
fn for_diffusers(lora: &LoraWeights) -> Result<Vec<u8>, StageError> {
    let mut tensors = BTreeMap::new();
    for (layer, adapter) in &lora.layers {
        let theirs = diffusers_from_original(&format!("{layer}.weight"));
        let theirs = theirs.as_deref().and_then(|name| name.strip_suffix(".weight"));
        let name = theirs.unwrap_or(layer);
        let scale = adapter.alpha / adapter.rank().max(1) as f64;
        let up = (&adapter.up * scale).map_err(tensor_error)?;
        tensors.insert(format!("transformer.{name}.lora_A.weight"), adapter.down.clone());
        tensors.insert(format!("transformer.{name}.lora_B.weight"), up);
    }
    encode(&tensors).map_err(model_error)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn every_file_holds_the_same_adapters() {
        let folder = tempfile::tempdir().unwrap();
        let ones = |shape: (usize, usize)| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
        let layer = "vace_blocks.1.self_attn.k";
        let weights = [
            (format!("{layer}.lora_A.weight"), ones((2, 6))),
            (format!("{layer}.lora_B.weight"), ones((6, 2))),
            ("injection.weight".to_owned(), ones((6, 3))),
        ];
        let spec = AdapterSpec {
            rank: 2,
            alpha: 3.0,
            places: vec!["self_k".into()],
            branches: vec!["vace".into()],
            injection: "add".into(),
            shared_dropout: 0.0,
            joint: false,
        };
        write(folder.path(), &weights.into(), &spec).unwrap();
        let names = ["adapter_model", "pytorch_lora_weights", "lora"];
        for name in names {
            let path = folder.path().join(format!("{name}.safetensors"));
            let read = LoraWeights::read(&path, &Device::Cpu).unwrap();
            let adapter = &read.layers[layer];
            let change = adapter.up.matmul(&adapter.down).unwrap();
            let change = change.max_all().unwrap().to_scalar::<f32>().unwrap();
            assert_eq!(f64::from(change) * adapter.alpha / 2.0, 2.0 * 1.5, "{name}");
        }
        let bytes = std::fs::read(folder.path().join("pytorch_lora_weights.safetensors")).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("transformer.vace_blocks.1.attn1.to_k.lora_A.weight"));
    }
}
