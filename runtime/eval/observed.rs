//! What was seen of a clip, in the store: numbers as JSON, vectors as tensors, frames as thumbnails.

use std::{collections::BTreeMap, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{
    engine::{files, work::StageError},
    metrics::observation::{FaceSeen, FrameSeen},
};

/// Frames without their vectors.
const FRAMES: &str = "seen.json";
/// Vectors of the faces, a tensor for each network, a row for each face that has one.
const VECTORS: &str = "vectors.safetensors";
/// Name of the tensor of Inception features; recognisers have a prefix that it has not.
const FEATURES: &str = "features";
/// Before the name of a recogniser.
const RECOGNISER: &str = "recogniser:";

/// What was seen of a clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Frames that the clip has.
    pub frames: usize,
    /// Tokens of the prompt that its network left off.
    pub tokens_left_off: usize,
    /// The frames looked at, in order, each once.
    pub seen: Vec<FrameSeen>,
}

impl Observed {
    /// Writes into the folder of a result.
    ///
    /// # Errors
    /// Also when a network gave what is no number, which could not be read again.
    pub(super) fn write(mut self, folder: &Path) -> Result<(), StageError> {
        if let Some(frame) = self.seen.iter().find(|frame| !finite(frame)) {
            let reason = format!("a network gave no number for frame {}", frame.frame);
            return Err(StageError::Failed(reason));
        }
        let vectors = Vectors::taken_from(&mut self.seen);
        let json = serde_json::to_vec(&self)
            .map_err(|error| StageError::Failed(format!("cannot write what was seen: {error}")))?;
        files::write_atomic(&folder.join(FRAMES), &json)?;
        Ok(files::write_atomic(&folder.join(VECTORS), &vectors.encode()?)?)
    }

    /// Reads from the folder of a result.
    pub fn read(folder: &Path) -> Result<Self, StageError> {
        let path = folder.join(FRAMES);
        let bytes = files::read_optional(&path)?.unwrap_or_default();
        let mut observed: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(&path, &error.to_string()))?;
        let path = folder.join(VECTORS);
        let bytes = files::read_optional(&path)?.unwrap_or_default();
        Vectors::decode(&bytes)
            .and_then(|vectors| vectors.given_to(&mut observed.seen))
            .map_err(|reason| damaged(&path, &reason))?;
        Ok(observed)
    }

    /// The frame at a place.
    pub fn at(&self, place: usize) -> Option<&FrameSeen> {
        let at = self.seen.binary_search_by_key(&place, |frame| frame.frame).ok()?;
        self.seen.get(at)
    }
}

fn finite(frame: &FrameSeen) -> bool {
    let scores = [frame.clip_score, frame.clip_score_bgr].into_iter().flatten();
    let face = frame.face.as_ref().is_none_or(|face| {
        let vectors = face.embeddings.values().chain(&face.features).flatten();
        let numbers = face.box_px.iter().chain([&face.confidence]).chain(vectors);
        let angles = face.pitch_yaw_roll_deg.iter().flatten();
        numbers.copied().all(f32::is_finite) && angles.copied().all(f64::is_finite)
    });
    face && scores.into_iter().all(f64::is_finite)
}

/// File name of the thumbnail of a frame.
pub(super) fn thumbnail(place: usize) -> String {
    format!("frame-{place}.jpg")
}

fn damaged(path: &Path, reason: &str) -> StageError {
    StageError::Failed(format!(
        "`{}` is damaged: {reason}; `ffrun fsck --repair` moves it aside, then it is computed again",
        path.display()
    ))
}

/// Tensor name → rows, each with the index of its frame.
#[derive(Debug, Default)]
struct Vectors(BTreeMap<String, Vec<(usize, Vec<f32>)>>);

impl Vectors {
    fn taken_from(frames: &mut [FrameSeen]) -> Self {
        let mut vectors = Self::default();
        for (at, face) in faces(frames) {
            for (name, vector) in std::mem::take(&mut face.embeddings) {
                vectors.0.entry(format!("{RECOGNISER}{name}")).or_default().push((at, vector));
            }
            if let Some(features) = face.features.take() {
                vectors.0.entry(FEATURES.to_owned()).or_default().push((at, features));
            }
        }
        vectors
    }

    fn given_to(self, frames: &mut [FrameSeen]) -> Result<(), String> {
        for (name, rows) in self.0 {
            for (at, vector) in rows {
                let face = frames.get_mut(at).and_then(|frame| frame.face.as_mut());
                let face = face.ok_or_else(|| format!("`{name}` has a row for no face"))?;
                match name.strip_prefix(RECOGNISER) {
                    Some(recogniser) => {
                        face.embeddings.insert(recogniser.to_owned(), vector);
                    }
                    None => face.features = Some(vector),
                }
            }
        }
        Ok(())
    }

    /// Each tensor has one more column than its vectors: the index of the frame, first.
    fn encode(&self) -> Result<Vec<u8>, StageError> {
        let failed = |error: &dyn std::fmt::Display| {
            StageError::Failed(format!("cannot write the vectors of faces: {error}"))
        };
        let mut tensors = Vec::new();
        for (name, rows) in &self.0 {
            let width = rows.first().map_or(0, |(_, vector)| vector.len());
            if rows.iter().any(|(_, vector)| vector.len() != width) {
                return Err(failed(&format!("those of `{name}` differ in length")));
            }
            let row = |(at, vector): &(usize, Vec<f32>)| {
                std::iter::once(*at as f32).chain(vector.iter().copied()).collect::<Vec<f32>>()
            };
            let bytes = rows.iter().flat_map(row).flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
            tensors.push((name, vec![rows.len(), width + 1], bytes));
        }
        let views: Result<Vec<_>, _> = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
            })
            .collect::<Result<_, safetensors::SafeTensorError>>();
        let views = views.map_err(|error| failed(&error))?;
        safetensors::serialize(views, None).map_err(|error| failed(&error))
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let mut vectors = BTreeMap::new();
        for (name, tensor) in file.tensors() {
            let width = match tensor.shape() {
                [_, width] if *width > 0 => *width,
                _ => return Err(format!("`{name}` is no table")),
            };
            let value = |four: &[u8]| <[u8; 4]>::try_from(four).map_or(0.0, f32::from_le_bytes);
            let values: Vec<f32> = tensor.data().chunks_exact(4).map(value).collect();
            let row = |row: &[f32]| Some((*row.first()? as usize, row.get(1..)?.to_vec()));
            vectors.insert(name, values.chunks_exact(width).filter_map(row).collect());
        }
        Ok(Self(vectors))
    }
}

fn faces(frames: &mut [FrameSeen]) -> impl Iterator<Item = (usize, &mut FaceSeen)> {
    let faces = frames.iter_mut().enumerate();
    faces.filter_map(|(at, frame)| Some((at, frame.face.as_mut()?)))
}

#[cfg(test)]
mod tests {
    use super::Observed;
    use crate::metrics::observation::{FaceSeen, FrameSeen};

    fn observed() -> Observed {
        let face = |values: [f32; 2], features: Option<Vec<f32>>| FaceSeen {
            confidence: 0.1 + 0.2,
            embeddings: [("a".to_owned(), values.to_vec()), ("b".to_owned(), vec![1e-20])].into(),
            features,
            ..FaceSeen::default()
        };
        let frame = |frame, face| FrameSeen { frame, face, ..FrameSeen::default() };
        Observed {
            frames: 81,
            tokens_left_off: 3,
            seen: vec![
                frame(0, None),
                frame(40, Some(face([0.1, -0.7], Some(vec![0.5; 3])))),
                frame(80, Some(face([f32::MIN_POSITIVE, 1.0], None))),
            ],
        }
    }

    #[test]
    fn what_was_seen_comes_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        observed().write(folder.path()).unwrap();
        let read = Observed::read(folder.path()).unwrap();
        assert_eq!(read, observed());
        assert_eq!(read.at(40).unwrap().frame, 40);
        assert!(read.at(41).is_none());
    }

    #[test]
    fn what_is_no_number_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = observed();
        if let Some(face) = &mut broken.seen[1].face {
            face.embeddings.insert("b".to_owned(), vec![f32::NAN]);
        }
        let error = broken.write(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "a network gave no number for frame 40");
    }

    #[test]
    fn damage_is_an_error_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        observed().write(folder.path()).unwrap();
        let path = folder.path().join(super::VECTORS);
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let error = Observed::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("is damaged") && error.contains("fsck"), "{error}");
        }
        std::fs::remove_file(folder.path().join(super::FRAMES)).unwrap();
        assert!(Observed::read(folder.path()).is_err());
    }
}
