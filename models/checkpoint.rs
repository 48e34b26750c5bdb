//! Named tensors to safetensors bytes and back.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use crate::error::ModelError;

/// The safetensors bytes of `tensors`. The same tensors always give the same bytes: the file order
/// is by name within a type, and there is no metadata (whose order the format leaves to a hash map).
pub fn encode(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, ModelError> {
    let contiguous = tensors
        .iter()
        .map(|(name, tensor)| Ok((name.as_str(), tensor.to_device(&Device::Cpu)?.contiguous()?)))
        .collect::<Result<Vec<_>, ModelError>>()?;
    safetensors::serialize(contiguous, None).map_err(|error| damaged(&error))
}

/// The tensors in `bytes`, on `device`. Truncated or altered headers and lengths are errors.
pub fn decode(bytes: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>, ModelError> {
    let file = safetensors::SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    file.iter()
        .map(|(name, view)| {
            let tensor = candle_core::safetensors::Load::load(&view, device)?;
            Ok((name.to_owned(), tensor))
        })
        .collect()
}

fn damaged(error: &safetensors::SafeTensorError) -> ModelError {
    ModelError::DamagedCheckpoint { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use candle_core::{Device, Tensor};
    use std::collections::BTreeMap;

    fn tensors() -> BTreeMap<String, Tensor> {
        let matrix = Tensor::new(&[[1f32, -0.0], [f32::MIN_POSITIVE, 1e-30]], &Device::Cpu);
        [
            ("z".to_owned(), matrix.unwrap()),
            ("step".to_owned(), Tensor::new(7i64, &Device::Cpu).unwrap()),
        ]
        .into()
    }

    #[test]
    fn bytes_are_repeatable_and_exact() {
        let bytes = encode(&tensors()).unwrap();
        assert_eq!(bytes, encode(&decode(&bytes, &Device::Cpu).unwrap()).unwrap());
        let back = decode(&bytes, &Device::Cpu).unwrap();
        assert_eq!(back["step"].to_scalar::<i64>().unwrap(), 7);
        assert_eq!(back["z"].to_vec2::<f32>().unwrap()[1], [f32::MIN_POSITIVE, 1e-30]);
    }

    #[test]
    fn truncation_is_an_error_at_every_length() {
        let bytes = encode(&tensors()).unwrap();
        for length in 0..bytes.len() {
            let error = decode(&bytes[..length], &Device::Cpu).unwrap_err().to_string();
            assert!(error.starts_with("the checkpoint is damaged: "), "{length}: {error}");
        }
    }
}
