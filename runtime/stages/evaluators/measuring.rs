//! What a trained evaluator says of frames and captions.

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    evaluators::frames_tensor,
    rotation::{Euler, Rotation},
};
use image::{RgbImage, imageops};

use super::{evaluator::Evaluator, network::words};
use crate::{engine::work::StageError, stages::tensor_error};

/// Frames measured at a time: enough to fill the cores, and memory stays small.
const BATCH: usize = 128;

/// How the head in a frame is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Rz(roll)·Ry(yaw)·Rx(pitch).
    pub rotation: Rotation,
    /// The same as angles.
    pub euler: Euler,
    /// Probability that the frame shows a face, at least half of it uncovered.
    pub presence: f32,
}

/// Unit vectors `[N, D]` of frames.
pub(super) fn recognise(
    evaluator: &Evaluator,
    frames: &[u8],
    side: usize,
) -> Result<Tensor, StageError> {
    let network = evaluator.recogniser()?;
    in_batches(evaluator, (frames, side), &|frames| network.forward(frames))
}

/// Poses and presence in frames.
pub(super) fn pose(
    evaluator: &Evaluator,
    frames: &[u8],
    side: usize,
) -> Result<Vec<Seen>, StageError> {
    let network = evaluator.pose()?;
    let ten = in_batches(evaluator, (frames, side), &|frames| {
        let seen = network.forward(frames)?;
        let rotations = seen.rotations_b33.flatten_from(1)?;
        Tensor::cat(&[rotations, seen.presence_b.unsqueeze(1)?], 1)
    })?;
    let rows = ten.to_vec2::<f32>().map_err(tensor_error)?;
    Ok(rows.iter().map(|row| seen(row)).collect())
}

/// Nine entries of a rotation and a logit.
fn seen(row: &[f32]) -> Seen {
    let entry = |i: usize, j: usize| row.get(3 * i + j).copied().map_or(0.0, f64::from);
    let rotation: Rotation = std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)));
    let logit = row.last().copied().unwrap_or(0.0);
    let presence = 1.0 / (1.0 + (-logit).exp());
    Seen { rotation, euler: Euler::from_rotation(&rotation), presence }
}

/// Unit vectors `[N, D]` of frames in the space that they share with captions.
pub(super) fn frames_in_text_space(
    evaluator: &Evaluator,
    frames: &[u8],
    side: usize,
) -> Result<Tensor, StageError> {
    let network = evaluator.captions()?;
    in_batches(evaluator, (frames, side), &|frames| network.frames(frames))
}

/// Unit vectors `[M, D]` of captions.
pub(super) fn captions_in_space(
    evaluator: &Evaluator,
    captions: &[&str],
) -> Result<Tensor, StageError> {
    let network = evaluator.captions()?;
    let rows: Result<Vec<Tensor>, StageError> = captions
        .chunks(BATCH)
        .map(|some| {
            let (rows, lengths) = words(some, evaluator.device())?;
            let vectors = network.captions(&rows, &lengths);
            vectors.and_then(|found| found.to_device(&Device::Cpu)).map_err(tensor_error)
        })
        .collect();
    match rows? {
        rows if rows.is_empty() => Err(StageError::Failed("there are no captions".to_owned())),
        rows => Tensor::cat(&rows, 0).map_err(tensor_error),
    }
}

/// Features `[N, D]` of frames.
pub(super) fn features(
    evaluator: &Evaluator,
    frames: &[u8],
    side: usize,
) -> Result<Tensor, StageError> {
    let network = evaluator.captions()?;
    in_batches(evaluator, (frames, side), &|frames| network.features(frames))
}

/// Runs a network over frames, brought to the size that it reads.
fn in_batches(
    evaluator: &Evaluator,
    (frames, side): (&[u8], usize),
    network: &dyn Fn(&Tensor) -> TensorResult<Tensor>,
) -> Result<Tensor, StageError> {
    let reads = evaluator.spec.image_px;
    let bytes = (side * side * 3).max(1);
    let batches = frames.chunks(BATCH * bytes).map(|some| {
        let resized = resized(some, side, reads);
        let frames = frames_tensor(resized.as_deref().unwrap_or(some), reads, evaluator.device())?;
        network(&frames)?.to_device(&Device::Cpu)
    });
    let found = batches.collect::<TensorResult<Vec<_>>>().map_err(tensor_error)?;
    if found.is_empty() {
        return Err(StageError::Failed("there are no frames to measure".to_owned()));
    }
    Tensor::cat(&found, 0).map_err(tensor_error)
}

/// Frames of another size, by a triangle filter that covers what is between pixels; `None` where
/// nothing changes.
fn resized(frames: &[u8], side: usize, reads: usize) -> Option<Vec<u8>> {
    if side == reads {
        return None;
    }
    let one = |frame: &[u8]| {
        let picture = RgbImage::from_raw(side as u32, side as u32, frame.to_vec())?;
        let (side, filter) = (reads as u32, imageops::FilterType::Triangle);
        Some(imageops::resize(&picture, side, side, filter).into_raw())
    };
    let frames: Option<Vec<Vec<u8>>> = frames.chunks(side * side * 3).map(one).collect();
    frames.map(|frames| frames.concat())
}
