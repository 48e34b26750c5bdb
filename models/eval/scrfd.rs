//! What lies around the SCRFD face detector: its input from a picture, and faces from its output.

use candle_core::{Device, Result, Tensor, bail};

use super::alignment::{FivePoints, Point};
use super::normalisation::Normalisation;
use super::picture::Picture;
use super::resampling::resized_as_cv2;
use crate::error::{ModelError, ModelResult};

/// Strides of the three scales, in pixels of the input.
pub const STRIDES: [usize; 3] = [8, 16, 32];
/// Anchors a cell.
pub const ANCHORS: usize = 2;

/// When a face counts. The defaults are insightface's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Least score.
    pub score: f32,
    /// Overlap (intersection over union) beyond which the lower score of two goes.
    pub overlap: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { score: 0.5, overlap: 0.4 }
    }
}

/// A face found, in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Left, top, right and bottom edge.
    pub edges: [f32; 4],
    /// Confidence in 0..1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth.
    pub points: FivePoints,
}

impl Face {
    /// Width times height of its box.
    pub fn area(&self) -> f32 {
        let [left, top, right, bottom] = self.edges;
        (right - left) * (bottom - top)
    }
}

/// A picture as the detector takes it.
#[derive(Clone, Debug)]
pub struct Letterbox {
    /// `[1, 3, H, W]`, (x − 127.5)/128, RGB; the picture at the top left and black beside it.
    pub input: Tensor,
    /// Pixels of the input a pixel of the picture.
    pub scale: f64,
}

impl Letterbox {
    /// The largest that fits into `[height, width]`, both multiples of 32.
    ///
    /// # Errors
    /// When the picture is so long that nothing is left of its short side.
    pub fn new(picture: &Picture, size: [usize; 2], device: &Device) -> ModelResult<Self> {
        let (picture, scale) = fitted(picture, size)?.ok_or_else(|| ModelError::BadSetting {
            setting: "picture",
            got: format!("{:?} pixels", picture.size()),
            expected: format!("must leave a pixel of its short side when fitted into {size:?}"),
        })?;
        Ok(Self { input: SCRFD.batch(&[picture], device)?, scale })
    }
}

/// The largest copy of the picture that fits into `[height, width]`, at the top left with black
/// beside it, and its scale; none for a picture so long that nothing is left of its short side.
///
/// # Errors
/// When the size has no pixel.
pub fn fitted(
    picture: &Picture,
    size @ [most_high, most_wide]: [usize; 2],
) -> ModelResult<Option<(Picture, f64)>> {
    let [height, width] = picture.size().map(|side| side as f64);
    let fits = if height / width > most_high as f64 / most_wide as f64 {
        [most_high, (most_high as f64 / (height / width)) as usize]
    } else {
        [(most_wide as f64 * (height / width)) as usize, most_wide]
    };
    if fits.contains(&0) {
        return Ok(None);
    }
    let small = resized_as_cv2(picture, fits)?;
    let mut values = vec![0; most_high * most_wide * 3];
    for (row, target) in (0..fits[0]).zip(values.chunks_exact_mut(most_wide * 3)) {
        target[..fits[1] * 3].copy_from_slice(small.row(row));
    }
    Ok(Some((Picture::new(size, values)?, fits[0] as f64 / height)))
}

/// (x − 127.5)/128, on values in 0..1.
const SCRFD: Normalisation = Normalisation { mean: [0.5; 3], deviation: [128.0 / 255.0; 3] };

/// What the network gives for one scale, one row an anchor, in units of the stride.
#[derive(Clone, Debug)]
pub struct ScaleOutput {
    /// `[A, 1]`
    pub scores: Tensor,
    /// `[A, 4]`: distances from the anchor to the left, top, right and bottom edge.
    pub distances: Tensor,
    /// `[A, 10]`: offsets of the five points from the anchor.
    pub offsets: Tensor,
}

/// The same as plain values, row by row.
#[derive(Clone, Copy, Debug)]
pub struct ScaleValues<'a> {
    /// One an anchor.
    pub scores: &'a [f32],
    /// Four an anchor.
    pub distances: &'a [f32],
    /// Ten an anchor.
    pub offsets: &'a [f32],
}

/// The faces in the network's outputs for strides 8, 16 and 32, the surest first, for an input of
/// `[height, width]` pixels at `scale`.
///
/// # Errors
/// When the outputs do not belong to an input of that size.
pub fn faces(
    outputs: &[ScaleOutput; 3],
    input: ([usize; 2], f64),
    thresholds: Thresholds,
) -> Result<Vec<Face>> {
    let mut values = vec![];
    for output in outputs {
        for (tensor, columns) in
            [(&output.scores, 1), (&output.distances, 4), (&output.offsets, 10)]
        {
            match tensor.dims2()? {
                (_, found) if found == columns => {
                    values.push(tensor.flatten_all()?.to_vec1::<f32>()?);
                }
                found => bail!("SCRFD: expected rows of {columns}, found {found:?}"),
            }
        }
    }
    let scales = [0, 3, 6].map(|at| ScaleValues {
        scores: &values[at],
        distances: &values[at + 1],
        offsets: &values[at + 2],
    });
    faces_of(&scales, input, thresholds)
}

/// [`faces`] of plain values.
///
/// # Errors
/// As [`faces`].
pub fn faces_of(
    scales: &[ScaleValues; 3],
    (size, scale): ([usize; 2], f64),
    thresholds: Thresholds,
) -> Result<Vec<Face>> {
    let mut candidates = vec![];
    for (values, stride) in scales.iter().zip(STRIDES) {
        let columns = size[1] / stride;
        let anchors = (size[0] / stride) * columns * ANCHORS;
        let ScaleValues { scores, distances, offsets } = *values;
        for (values, width) in [(scores, 1), (distances, 4), (offsets, 10)] {
            if values.len() != anchors * width {
                bail!(
                    "stride {stride} of SCRFD: expected {anchors} rows of {width}, found {} values",
                    values.len()
                );
            }
        }
        for (at, &score) in scores.iter().enumerate() {
            if score >= thresholds.score {
                let cell = at / ANCHORS;
                let anchor = [cell % columns * stride, cell / columns * stride];
                let place =
                    Place { anchor: anchor.map(|x| x as f32), stride: stride as f32, scale };
                candidates.push(place.face(score, &distances[at * 4..], &offsets[at * 10..]));
            }
        }
    }
    Ok(surest(candidates, thresholds.overlap))
}

/// Candidates, the surest first, without those that a surer one overlaps by more than `overlap`.
pub fn surest(mut candidates: Vec<Face>, overlap: f32) -> Vec<Face> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    without_overlaps(candidates, overlap)
}

/// The largest face, less twice its squared distance from the middle of the picture: insightface's
/// choice when asked for one.
pub fn most_central(faces: &[Face], [height, width]: [usize; 2]) -> Option<&Face> {
    let middle = [(width / 2) as f32, (height / 2) as f32];
    let value = |face: &Face| {
        let [left, top, right, bottom] = face.edges;
        let off = [f32::midpoint(left, right) - middle[0], f32::midpoint(top, bottom) - middle[1]];
        face.area() - 2.0 * (off[0] * off[0] + off[1] * off[1])
    };
    faces.iter().max_by(|a, b| value(a).total_cmp(&value(b)))
}

/// Where an anchor lies.
struct Place {
    anchor: [f32; 2],
    stride: f32,
    scale: f64,
}

impl Place {
    fn face(&self, score: f32, distances: &[f32], offsets: &[f32]) -> Face {
        let scale = self.scale as f32;
        let edge = |at: usize| {
            let sign = if at < 2 { -1.0 } else { 1.0 };
            (self.anchor[at % 2] + sign * distances[at] * self.stride) / scale
        };
        let point = |at: usize| -> Point {
            let along = |axis: usize| {
                f64::from((self.anchor[axis] + offsets[2 * at + axis] * self.stride) / scale)
            };
            [along(0), along(1)]
        };
        Face { edges: [0, 1, 2, 3].map(edge), score, points: [0, 1, 2, 3, 4].map(point) }
    }
}

/// Of faces in order, those that no earlier one overlaps too much.
fn without_overlaps(faces: Vec<Face>, most: f32) -> Vec<Face> {
    let mut kept: Vec<Face> = vec![];
    for face in faces {
        // Written so that a box without an extent, whose overlap is no number, stays.
        if !kept.iter().any(|other| overlap(other, &face) > most) {
            kept.push(face);
        }
    }
    kept
}

/// Intersection over union, counting the last pixel in.
fn overlap(a: &Face, b: &Face) -> f32 {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left + 1.0) * (bottom - top + 1.0);
    let shared = [
        a.edges[0].max(b.edges[0]),
        a.edges[1].max(b.edges[1]),
        a.edges[2].min(b.edges[2]),
        a.edges[3].min(b.edges[3]),
    ];
    let both = (shared[2] - shared[0] + 1.0).max(0.0) * (shared[3] - shared[1] + 1.0).max(0.0);
    both / (area(a.edges) + area(b.edges) - both)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{Letterbox, ScaleOutput, Thresholds, faces};
    use crate::eval::picture::Picture;

    #[test]
    fn outputs_of_another_size_are_refused() {
        let output = |anchors: usize| {
            let zeros = |width| Tensor::zeros((anchors, width), DType::F32, &Device::Cpu).unwrap();
            ScaleOutput { scores: zeros(1), distances: zeros(4), offsets: zeros(10) }
        };
        let outputs = [output(32), output(8), output(2)];
        let found = faces(&outputs, ([32, 32], 1.0), Thresholds::default()).unwrap();
        assert!(found.is_empty());
        let error = faces(&outputs, ([64, 32], 1.0), Thresholds::default()).unwrap_err();
        let error = error.to_string();
        let expected = "stride 8 of SCRFD: expected 64 rows of 1, found 32 values";
        assert_eq!(error.lines().next(), Some(expected));
    }

    #[test]
    fn a_sliver_does_not_fit_a_letterbox() {
        let sliver = Picture::new([1, 100], vec![9; 300]).unwrap();
        assert!(Letterbox::new(&sliver, [64, 64], &Device::Cpu).is_err());
        let half = Picture::new([16, 8], vec![255; 384]).unwrap();
        let letterbox = Letterbox::new(&half, [32, 32], &Device::Cpu).unwrap();
        assert!((letterbox.scale - 2.0).abs() < 1e-12);
        let row = letterbox.input.get(0).unwrap().get(0).unwrap().get(0).unwrap();
        let row = row.to_vec1::<f32>().unwrap();
        assert!((row[0] - 127.5 / 128.0).abs() < 1e-6 && (row[31] + 127.5 / 128.0).abs() < 1e-6);
    }
}
