//! The file of encoded clips: latents, reference latents, reference pictures and labels.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    clipset::{ClipLabel, read_labels},
    control::References,
    stills::{damaged, missing},
    tensor_error,
};
use crate::engine::{files, work::StageError};

/// Name of the file in a `latents` result.
pub const FILE: &str = "latents.safetensors";

/// Encoded clips in memory, f16 until a batch is taken.
#[derive(Clone, Debug)]
pub struct Latents {
    /// `[N, C, F, h, w]`
    clips: Tensor,
    /// `[N, C, h, w]`
    references: Tensor,
    /// `[N, S, S, 3]`, u8: the references as pictures, for a face tokenizer.
    pictures: Tensor,
    /// One for each clip.
    pub labels: Vec<ClipLabel>,
}

/// Encoded clips on their way to a file, little-endian f16.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    pub(super) clips: Vec<u8>,
    pub(super) references: Vec<u8>,
    pub(super) pictures: Vec<u8>,
    pub(super) labels: Vec<ClipLabel>,
    /// C, F, h, w.
    pub(super) shape: [usize; 4],
    pub(super) size_px: usize,
}

impl Encoded {
    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), StageError> {
        let ([c, f, h, w], n, side) = (self.shape, self.labels.len(), self.size_px);
        let views = [
            ("clips", Dtype::F16, vec![n, c, f, h, w], &self.clips),
            ("references", Dtype::F16, vec![n, c, h, w], &self.references),
            ("pictures", Dtype::U8, vec![n, side, side, 3], &self.pictures),
        ];
        let mut tensors = Vec::new();
        for (name, dtype, shape, bytes) in views {
            tensors.push((name, TensorView::new(dtype, shape, bytes).map_err(damaged(path))?));
        }
        let labels = serde_json::to_string(&self.labels).unwrap_or_default();
        let metadata = [("labels".to_owned(), labels)].into();
        let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(damaged(path))?;
        Ok(files::write_atomic(path, &bytes)?)
    }
}

/// The values of a tensor as little-endian f16, row by row.
pub(super) fn half_bytes(tensor: &Tensor) -> candle_core::Result<Vec<u8>> {
    let values: Vec<half::f16> = tensor.to_dtype(DType::F16)?.flatten_all()?.to_vec1()?;
    Ok(values.into_iter().flat_map(half::f16::to_le_bytes).collect())
}

impl Latents {
    /// Reads the file of a `latents` result.
    pub fn read(folder: &Path) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let bytes = files::read_optional(&path)?.ok_or_else(|| missing(&path))?;
        let labels = read_labels(&bytes, &path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(damaged(&path))?;
        let tensor = |name: &str, dtype: DType| -> Result<Tensor, StageError> {
            let view = file.tensor(name).map_err(damaged(&path))?;
            Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)
                .map_err(tensor_error)
        };
        Ok(Self {
            clips: tensor("clips", DType::F16)?,
            references: tensor("references", DType::F16)?,
            pictures: tensor("pictures", DType::U8)?,
            labels,
        })
    }

    /// Number of clips.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True without clips.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, frames, height and width of one clip's latent.
    pub fn shape(&self) -> candle_core::Result<[usize; 4]> {
        let (_, c, f, h, w) = self.clips.dims5()?;
        Ok([c, f, h, w])
    }

    /// Frames of a clip, before its codec made latent frames of them.
    pub fn frames(&self) -> usize {
        self.labels.first().map_or(0, |label| label.pose_deg.len())
    }

    /// Side of the reference pictures in pixels.
    pub fn picture_px(&self) -> usize {
        self.pictures.dims().get(1).copied().unwrap_or(0)
    }

    /// The latents of some clips in f32.
    ///
    /// # Shapes
    /// - output: `[B, C, F, h, w]` for B indices
    pub fn clips(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        rows(&self.clips, indices, device)
    }

    /// The latents of their references in f32.
    ///
    /// # Shapes
    /// - output: `[B, C, h, w]` for B indices
    pub fn references(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        rows(&self.references, indices, device)
    }

    /// Their references as pictures in [−1, 1].
    ///
    /// # Shapes
    /// - output: `[B, 3, S, S]` for B indices
    pub fn pictures(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        let pixels = rows(&self.pictures, indices, device)?;
        ((pixels / 127.5)? - 1.0)?.permute([0, 3, 1, 2])?.contiguous()
    }

    /// The references of some clips, with what is known of them.
    pub(super) fn of_people(
        &self,
        indices: &[usize],
        device: &Device,
    ) -> candle_core::Result<References<'_>> {
        let name = |&i: &usize| self.labels.get(i).map_or("", |label| label.identity.as_str());
        Ok(References {
            pictures: self.pictures(indices, device)?,
            eulers: self.eulers(indices, device)?,
            people: indices.iter().map(name).collect(),
        })
    }

    /// Pitch, yaw, roll of their references in radians.
    ///
    /// # Shapes
    /// - output: `[B, 3]` for B indices
    pub fn eulers(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        let label = |&i: &usize| self.labels.get(i).map_or([0.0; 3], |it| it.reference_pose_deg);
        let radians: Vec<f32> =
            indices.iter().flat_map(|i| label(i).map(f32::to_radians)).collect();
        Tensor::from_vec(radians, (indices.len(), 3), device)
    }
}

/// Some rows of a tensor in f32.
pub(super) fn rows(
    tensor: &Tensor,
    indices: &[usize],
    device: &Device,
) -> candle_core::Result<Tensor> {
    let indices: Vec<u32> = indices.iter().map(|&i| i as u32).collect();
    let indices = Tensor::new(indices, tensor.device())?;
    tensor.index_select(&indices, 0)?.to_device(device)?.to_dtype(DType::F32)
}
