//! The file of a set of stills: pixels, angles and people as safetensors.

use std::path::Path;

use candle_core::{Device, Tensor};
use ffrun_models::rotation::{Euler, Rotation};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::engine::{files, work::StageError};

/// Name of the file in a `faces` result.
pub const FILE: &str = "faces.safetensors";

/// Stills in memory. Row i of every list is one face; a person's faces are consecutive.
#[derive(Clone, Debug, PartialEq)]
pub struct Stills {
    /// Side of the square images.
    pub size_px: usize,
    /// RGB bytes, row-major, one image after the other.
    pub pixels: Vec<u8>,
    /// Pitch, yaw, roll in degrees.
    pub pose_deg: Vec<[f32; 3]>,
    /// Index of the person, 0-based within the set.
    pub person: Vec<u32>,
    /// Name of each person, `train-00012`.
    pub names: Vec<String>,
}

impl Stills {
    /// Number of faces.
    pub fn len(&self) -> usize {
        self.person.len()
    }

    /// True without faces.
    pub fn is_empty(&self) -> bool {
        self.person.is_empty()
    }

    /// Bytes of image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        let bytes = self.size_px * self.size_px * 3;
        &self.pixels[i * bytes..(i + 1) * bytes]
    }

    /// Images in [−1, 1].
    ///
    /// # Shapes
    /// - output: `[B, 3, size_px, size_px]` for B indices
    pub fn images(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        let side = self.size_px;
        let mut planes = Vec::with_capacity(indices.len() * 3 * side * side);
        for &i in indices {
            let image = self.image(i);
            for channel in 0..3 {
                planes.extend(
                    image.iter().skip(channel).step_by(3).map(|&v| f32::from(v) / 127.5 - 1.0),
                );
            }
        }
        Tensor::from_vec(planes, (indices.len(), 3, side, side), device)
    }

    /// Pitch, yaw, roll in radians.
    ///
    /// # Shapes
    /// - output: `[B, 3]` for B indices
    pub fn eulers(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        let radians: Vec<f32> =
            indices.iter().flat_map(|&i| self.pose_deg[i].map(f32::to_radians)).collect();
        Tensor::from_vec(radians, (indices.len(), 3), device)
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), StageError> {
        let pose: Vec<u8> =
            self.pose_deg.iter().flatten().flat_map(|angle| angle.to_le_bytes()).collect();
        let person: Vec<u8> = self.person.iter().flat_map(|person| person.to_le_bytes()).collect();
        let faces = self.len();
        let views = [
            ("pixels", Dtype::U8, vec![faces, self.size_px, self.size_px, 3], &self.pixels),
            ("pose_deg", Dtype::F32, vec![faces, 3], &pose),
            ("person", Dtype::U32, vec![faces], &person),
        ];
        let mut tensors = Vec::new();
        for (name, dtype, shape, bytes) in views {
            let view = TensorView::new(dtype, shape, bytes).map_err(damaged(path))?;
            tensors.push((name, view));
        }
        let names = serde_json::to_string(&self.names).unwrap_or_default();
        let metadata = [("names".to_owned(), names)].into();
        let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(damaged(path))?;
        Ok(files::write_atomic(path, &bytes)?)
    }

    /// Reads the file of a `faces` result.
    pub fn read(folder: &Path) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let bytes = files::read_optional(&path)?.ok_or_else(|| missing(&path))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged(&path))?;
        let names = header.metadata().as_ref().and_then(|map| map.get("names"));
        let names = names.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let file = SafeTensors::deserialize(&bytes).map_err(damaged(&path))?;
        let data = |name: &str| file.tensor(name).map_err(damaged(&path));
        let pose: Vec<f32> = words(data("pose_deg")?.data()).map(f32::from_le_bytes).collect();
        Ok(Self {
            size_px: data("pixels")?.shape().get(1).copied().unwrap_or(0),
            pixels: data("pixels")?.data().to_vec(),
            pose_deg: pose.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect(),
            person: words(data("person")?.data()).map(u32::from_le_bytes).collect(),
            names,
        })
    }

    /// Rotation matrices of all faces, for geodesic distances between poses.
    pub fn rotations(&self) -> Vec<Rotation> {
        self.pose_deg
            .iter()
            .map(|pose| Euler::from_degrees(pose.map(f64::from)).to_rotation())
            .collect()
    }
}

/// The little-endian words of a tensor.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]])
}

/// A file that a result must hold is not there.
pub(super) fn missing(path: &Path) -> StageError {
    StageError::Failed(format!("`{}` is missing; `ffrun fsck` will say more", path.display()))
}

/// A file that is no safetensors file, or lacks a tensor.
pub(super) fn damaged(path: &Path) -> impl Fn(safetensors::SafeTensorError) -> StageError + '_ {
    move |error| {
        StageError::Failed(format!(
            "`{}` is not a readable safetensors file: {error}; `ffrun fsck --repair` moves it aside",
            path.display()
        ))
    }
}
