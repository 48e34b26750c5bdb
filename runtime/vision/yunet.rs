//! Faces from the outputs of YuNet (Wu et al. 2023, `yunet_n` of libfacedetection.train).

use ffrun_models::eval::scrfd::{Face, STRIDES, Thresholds, surest};

use super::onnx_file::PictureNetwork;

/// Outputs of one scale, and the numbers of one cell in each.
const OUTPUTS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// Which outputs are class, object, box and points, for each stride.
pub(super) fn layout(network: &PictureNetwork) -> Result<[[usize; 4]; 3], String> {
    let [height, width] = network.size();
    let mut layout = [[0; 4]; 3];
    for (places, stride) in layout.iter_mut().zip(STRIDES) {
        let cells = (height / stride) * (width / stride);
        for (place, (what, columns)) in places.iter_mut().zip(OUTPUTS) {
            let name = format!("{what}_{stride}");
            let found = network.outputs().iter().position(|output| *output == name);
            *place = found.ok_or_else(|| format!("it has no output `{name}`"))?;
            let values = network.output(*place).1.len();
            if values != cells * columns {
                return Err(format!(
                    "`{name}` has {values} values where {cells} cells of {columns} belong"
                ));
            }
        }
    }
    Ok(layout)
}

/// The faces, the surest first, for an input of `[height, width]` pixels at `scale`.
pub(super) fn faces(
    scales: &[[&[f32]; 4]; 3],
    (size, scale): ([usize; 2], f64),
    thresholds: Thresholds,
) -> Vec<Face> {
    let mut candidates = vec![];
    for ([class, object, boxes, points], stride) in scales.iter().zip(STRIDES) {
        let columns = (size[1] / stride).max(1);
        for (cell, (class, object)) in class.iter().zip(*object).enumerate() {
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            if score >= thresholds.score {
                let place = Place {
                    corner: [(cell % columns) as f32, (cell / columns) as f32],
                    stride: stride as f32,
                    scale: scale as f32,
                };
                candidates.push(place.face(score, &boxes[cell * 4..], &points[cell * 10..]));
            }
        }
    }
    surest(candidates, thresholds.overlap)
}

/// Where a cell lies.
struct Place {
    corner: [f32; 2],
    stride: f32,
    scale: f32,
}

impl Place {
    fn face(&self, score: f32, sides: &[f32], points: &[f32]) -> Face {
        let at = |axis: usize, offset: f32| (self.corner[axis] + offset) * self.stride / self.scale;
        let half = |axis: usize| sides[2 + axis].exp() * self.stride / self.scale / 2.0;
        let edge = |at_edge: usize| {
            let axis = at_edge % 2;
            let sign = if at_edge < 2 { -1.0 } else { 1.0 };
            at(axis, sides[axis]) + sign * half(axis)
        };
        let point = |k: usize| [0, 1].map(|axis| f64::from(at(axis, points[2 * k + axis])));
        Face { edges: [0, 1, 2, 3].map(edge), score, points: [0, 1, 2, 3, 4].map(point) }
    }
}
