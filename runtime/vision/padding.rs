//! A border of grey around a frame: a face that fills a frame is found more easily in a larger one.

use ffrun_models::eval::alignment::FivePoints;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::scrfd::Face;

use super::error::VisionResult;

/// The grey of ConsisID's script.
const GREY: u8 = 128;

/// A frame with a border.
pub(super) struct Padded {
    /// Frame and border.
    pub(super) picture: Picture,
    /// Pixels added on the left and on top.
    border: [usize; 2],
}

/// A frame with `share` of its size added on every side.
pub(super) fn padded(frame: &Picture, share: f32) -> VisionResult<Padded> {
    let [height, width] = frame.size();
    let [top, left] = [height, width].map(|side| (side as f64 * f64::from(share)) as usize);
    let wide = width + 2 * left;
    let mut values = vec![GREY; (height + 2 * top) * wide * 3];
    let rows = values.chunks_exact_mut(wide * 3).skip(top);
    for (target, row) in rows.zip(frame.values().chunks_exact(width * 3)) {
        target[left * 3..][..row.len()].copy_from_slice(row);
    }
    let picture = Picture::new([height + 2 * top, wide], values)?;
    Ok(Padded { picture, border: [left, top] })
}

impl Padded {
    /// A face of the larger picture, in pixels of the frame.
    pub(super) fn in_frame(&self, face: Face) -> Face {
        let mut face = face;
        for (at, edge) in face.edges.iter_mut().enumerate() {
            *edge -= self.border[at % 2] as f32;
        }
        for point in &mut face.points {
            for (place, border) in point.iter_mut().zip(self.border) {
                *place -= border as f64;
            }
        }
        face
    }

    /// Points of the frame, in pixels of the larger picture.
    pub(super) fn in_picture(&self, points: FivePoints) -> FivePoints {
        points.map(|[x, y]| [x + self.border[0] as f64, y + self.border[1] as f64])
    }
}

#[cfg(test)]
mod tests {
    use ffrun_models::eval::picture::Picture;
    use ffrun_models::eval::scrfd::Face;

    use super::padded;

    #[test]
    fn a_border_is_added_and_places_move_back() {
        let frame = Picture::new([4, 9], vec![7; 108]).unwrap();
        let padded = padded(&frame, 0.25).unwrap();
        assert_eq!(padded.picture.size(), [6, 13]);
        let sum = padded.picture.values().iter().map(|&x| usize::from(x)).sum::<usize>();
        assert_eq!(sum, 108 * 7 + (6 * 13 * 3 - 108) * 128);
        let points = [[3.0, 2.0]; 5];
        let face = Face { edges: [2.0, 1.0, 5.0, 4.0], score: 1.0, points };
        let back = padded.in_frame(face);
        assert_eq!((back.edges, back.points[0]), ([0.0, 0.0, 3.0, 3.0], [1.0, 1.0]));
        assert_eq!(padded.in_picture(back.points), points);
    }
}
