//! A [`PcaCodec`] as named tensors, for files, and back.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor};

use super::pca::RGB;
use super::{PcaCodec, PcaConfig};
use crate::error::{ModelError, ModelResult};

impl PcaCodec {
    /// The codec written by [`to_map`](Self::to_map), on `device`.
    ///
    /// # Errors
    /// [`ModelError::WeightMismatch`] when a tensor is missing, unexpected or misshaped.
    pub fn from_map(map: &BTreeMap<String, Tensor>, device: &Device) -> ModelResult<Self> {
        check_names(map)?;
        let read = |name: &str| -> ModelResult<Tensor> {
            Ok(map[name].to_device(device)?.to_dtype(DType::F32)?.contiguous()?)
        };
        let (basis, mean, deviation) = (read("basis")?, read("mean")?, read("deviation")?);
        let mut misshaped = vec![];
        let mut expect = |name: &str, tensor: &Tensor, dims: &[usize]| {
            if tensor.dims() != dims {
                let found = tensor.dims();
                misshaped.push(format!("{name}: expected {dims:?}, found {found:?}"));
            }
        };
        let values = mean.elem_count();
        let patch_px = (values / RGB).isqrt();
        expect("mean", &mean, &[RGB * patch_px * patch_px]);
        expect("basis", &basis, &[deviation.elem_count(), values]);
        expect("deviation", &deviation, &[deviation.elem_count()]);
        let whiten = read("whiten")?;
        expect("whiten", &whiten, &[1]);
        if !misshaped.is_empty() {
            return Err(mismatch(vec![], vec![], misshaped));
        }
        let whiten = whiten.to_vec1::<f32>()?.first().copied().unwrap_or_default();
        let config = PcaConfig { patch_px, channels: deviation.elem_count(), whiten };
        Self::new(config, [&basis, &mean, &deviation])
    }

    /// Everything the codec is, by name: `basis`, `mean`, `deviation` and `whiten`.
    pub fn to_map(&self) -> Result<BTreeMap<String, Tensor>> {
        let whiten = Tensor::from_vec(vec![self.config.whiten], 1, self.basis.device())?;
        Ok([
            ("basis".to_owned(), self.basis.clone()),
            ("deviation".to_owned(), self.deviation.clone()),
            ("mean".to_owned(), self.mean.clone()),
            ("whiten".to_owned(), whiten),
        ]
        .into())
    }
}

fn check_names(map: &BTreeMap<String, Tensor>) -> ModelResult<()> {
    const NAMES: [&str; 4] = ["basis", "deviation", "mean", "whiten"];
    let missing: Vec<String> =
        NAMES.iter().filter(|name| !map.contains_key(**name)).map(|name| (*name).into()).collect();
    let unexpected: Vec<String> =
        map.keys().filter(|name| !NAMES.contains(&name.as_str())).cloned().collect();
    if missing.is_empty() && unexpected.is_empty() {
        return Ok(());
    }
    Err(mismatch(missing, unexpected, vec![]))
}

fn mismatch(missing: Vec<String>, unexpected: Vec<String>, misshaped: Vec<String>) -> ModelError {
    ModelError::WeightMismatch { missing, unexpected, misshaped }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::PcaCodec;
    use crate::codec::LatentCodec;
    use crate::codec::pca::tests::{fitted, video};

    #[test]
    fn a_codec_read_back_is_the_same_to_the_bit() {
        let codec = fitted(6, 0.7);
        let read = PcaCodec::from_map(&codec.to_map().unwrap(), &Device::Cpu).unwrap();
        assert_eq!(read.config(), codec.config());
        let latent = |codec: &PcaCodec| {
            let latent = codec.encode(&video(3)).unwrap();
            latent.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(latent(&read), latent(&codec));
        assert_eq!(
            latent(&codec.with_whiten(0.1).unwrap().with_whiten(0.7).unwrap()),
            latent(&codec)
        );
    }

    #[test]
    fn maps_that_are_no_codec_are_refused_by_name() {
        let mut map = fitted(6, 0.7).to_map().unwrap();
        map.insert(
            "mean".into(),
            Tensor::zeros(50, candle_core::DType::F32, &Device::Cpu).unwrap(),
        );
        let refused = |map| PcaCodec::from_map(&map, &Device::Cpu).unwrap_err().to_string();
        let text = refused(map.clone());
        assert!(text.contains("mean: expected [48], found [50]"), "{text}");
        map.remove("mean");
        assert!(refused(map).contains("missing `mean`"));
    }
}
