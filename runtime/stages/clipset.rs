//! The file of a set of clips: frames, references, poses and captions as safetensors.

use std::path::Path;

use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::stills::{damaged, missing};
use crate::engine::{files, work::StageError};

/// Name of the file in a `clips` result.
pub const FILE: &str = "clips.safetensors";

/// What is known about one clip beside its pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipLabel {
    /// Name of the person, `test-00012`.
    pub identity: String,
    /// Motion programme.
    pub family: String,
    /// Which take of the person in the programme.
    pub take: u64,
    /// What the clip shows: its prompt.
    pub caption: String,
    /// Pitch, yaw, roll of the reference in degrees.
    pub reference_pose_deg: [f32; 3],
    /// Five landmarks of the reference in pixels.
    pub reference_landmarks: [[f32; 2]; 5],
    /// Pitch, yaw, roll of each frame in degrees.
    pub pose_deg: Vec<[f32; 3]>,
    /// Five landmarks of each frame in pixels.
    pub landmarks: Vec<[[f32; 2]; 5]>,
    /// Share of the face that is seen in each frame.
    pub visible: Vec<f32>,
}

/// Clips in memory. Clips of one person are consecutive.
#[derive(Clone, Debug, PartialEq)]
pub struct Clips {
    /// Side of the square frames.
    pub size_px: usize,
    /// Frames of each clip.
    pub frames: usize,
    /// RGB bytes: clip, frame, row, column, channel.
    pub pixels: Vec<u8>,
    /// RGB bytes of the references, one for each clip; empty when there are none.
    pub references: Vec<u8>,
    /// One for each clip.
    pub labels: Vec<ClipLabel>,
}

impl Clips {
    /// Number of clips.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True without clips.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of frame `frame` of clip `clip`.
    pub fn frame(&self, clip: usize, frame: usize) -> &[u8] {
        let bytes = self.size_px * self.size_px * 3;
        let at = (clip * self.frames + frame) * bytes;
        &self.pixels[at..at + bytes]
    }

    /// Bytes of the reference of clip `clip`.
    pub fn reference(&self, clip: usize) -> &[u8] {
        let bytes = self.size_px * self.size_px * 3;
        &self.references[clip * bytes..(clip + 1) * bytes]
    }

    /// Frames of some clips in [−1, 1].
    ///
    /// # Shapes
    /// - output: `[B, 3, frames, size_px, size_px]` for B indices
    pub fn video(&self, indices: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        let side = self.size_px;
        let mut values = Vec::with_capacity(indices.len() * self.frames * side * side * 3);
        for &clip in indices {
            for channel in 0..3 {
                for frame in 0..self.frames {
                    values.extend(plane(self.frame(clip, frame), channel));
                }
            }
        }
        Tensor::from_vec(values, (indices.len(), 3, self.frames, side, side), device)
    }

    /// References of some clips in [−1, 1].
    ///
    /// # Shapes
    /// - output: `[B, 3, size_px, size_px]` for B indices
    pub fn reference_images(
        &self,
        indices: &[usize],
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let side = self.size_px;
        let mut values = Vec::with_capacity(indices.len() * side * side * 3);
        for &clip in indices {
            for channel in 0..3 {
                values.extend(plane(self.reference(clip), channel));
            }
        }
        Tensor::from_vec(values, (indices.len(), 3, side, side), device)
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), StageError> {
        let (clips, side) = (self.len(), self.size_px);
        let references = self.references.len() / (side * side * 3).max(1);
        let views = [
            ("frames", vec![clips, self.frames, side, side, 3], &self.pixels),
            ("references", vec![references, side, side, 3], &self.references),
        ];
        let mut tensors = Vec::new();
        for (name, shape, bytes) in views {
            let view = TensorView::new(Dtype::U8, shape, bytes).map_err(damaged(path))?;
            tensors.push((name, view));
        }
        let labels = serde_json::to_string(&self.labels).unwrap_or_default();
        let metadata = [("labels".to_owned(), labels)].into();
        let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(damaged(path))?;
        Ok(files::write_atomic(path, &bytes)?)
    }

    /// Reads the file of a `clips` or `generate` result.
    pub fn read(folder: &Path) -> Result<Self, StageError> {
        let path = folder.join(FILE);
        let bytes = files::read_optional(&path)?.ok_or_else(|| missing(&path))?;
        let file = SafeTensors::deserialize(&bytes).map_err(damaged(&path))?;
        let frames = file.tensor("frames").map_err(damaged(&path))?;
        let references = file.tensor("references").map_err(damaged(&path))?;
        let side = |axis: usize| frames.shape().get(axis).copied().unwrap_or(0);
        Ok(Self {
            size_px: side(2),
            frames: side(1),
            pixels: frames.data().to_vec(),
            references: references.data().to_vec(),
            labels: read_labels(&bytes, &path)?,
        })
    }
}

/// Number of clips in a `clips` or `generate` result, by the header of its file.
pub fn count(folder: &Path) -> Option<usize> {
    use std::io::Read;
    let mut file = std::fs::File::open(folder.join(FILE)).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let bytes = usize::try_from(u64::from_le_bytes(length)).ok().filter(|it| *it < 1 << 26)?;
    let mut header = vec![0; bytes];
    file.read_exact(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    usize::try_from(header["frames"]["shape"][0].as_u64()?).ok()
}

/// The labels in the header of a file of clips or latents.
pub(super) fn read_labels(bytes: &[u8], path: &Path) -> Result<Vec<ClipLabel>, StageError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged(path))?;
    let labels = header.metadata().as_ref().and_then(|map| map.get("labels"));
    labels.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| {
        StageError::Failed(format!(
            "`{}` holds no readable labels; `ffrun fsck --repair` moves it aside",
            path.display()
        ))
    })
}

/// One colour of an image, bytes to [−1, 1].
fn plane(image: &[u8], channel: usize) -> impl Iterator<Item = f32> + '_ {
    image.iter().skip(channel).step_by(3).map(|&value| f32::from(value) / 127.5 - 1.0)
}
