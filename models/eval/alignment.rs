//! Alignment of faces: the similarity that takes five points to a template, and the picture it cuts.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use rayon::prelude::*;

use super::picture::Picture;
use crate::error::{ModelError, ModelResult};
use crate::ops::lanes::vectorized;

/// A point: x to the right and y down, in pixels.
pub type Point = [f64; 2];

/// Eyes (image left first), tip of the nose, corners of the mouth.
pub type FivePoints = [Point; 5];

/// insightface's `arcface_dst`: where the five points lie in an aligned face of 112 × 112.
const TEMPLATE: FivePoints = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// Where the five points belong in a square of `side` pixels, as insightface's `estimate_norm` puts
/// them: scaled from 112 pixels, or, for multiples of 128, from 128 with 8 more on either side.
///
/// # Errors
/// When `side` is a multiple of neither.
pub fn template(side: usize) -> ModelResult<FivePoints> {
    let (unit, border) = match side {
        side if side > 0 && side.is_multiple_of(112) => (112, 0.0),
        side if side > 0 && side.is_multiple_of(128) => (128, 8.0),
        _ => {
            return Err(ModelError::BadSetting {
                setting: "side of the aligned face",
                got: side.to_string(),
                expected: "must be a multiple of 112 or of 128".into(),
            });
        }
    };
    let ratio = side as f64 / f64::from(unit);
    Ok(TEMPLATE.map(|[x, y]| [(x + border) * ratio, y * ratio]))
}

/// Where the five points belong in a square of `side` pixels when the template of 112 pixels is
/// enlarged `zoom` times about the middle of the square.
pub fn template_zoomed(side: usize, zoom: f64) -> FivePoints {
    let middle = side as f64 / 2.0;
    TEMPLATE.map(|point| point.map(|x| (x - 56.0) * zoom + middle))
}

/// A map of the plane that turns, scales and shifts: (x, y) → (a·x − b·y + c, b·x + a·y + d).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Scale · cosine of the turn.
    pub a: f64,
    /// Scale · sine of the turn.
    pub b: f64,
    /// Shift to the right and down.
    pub shift: Point,
}

impl Similarity {
    /// The one that takes `from` closest to `to` in the sum of squares, never mirroring: Umeyama
    /// 1991, whose singular value decomposition has a closed form in the plane.
    ///
    /// # Errors
    /// When the points `from` coincide or are not finite.
    pub fn between(from: &FivePoints, to: &FivePoints) -> ModelResult<Self> {
        let (centre, goal) = (mean(from), mean(to));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let [x, y] = [p[0] - centre[0], p[1] - centre[1]];
            let [u, v] = [q[0] - goal[0], q[1] - goal[1]];
            along += x * u + y * v;
            across += x * v - y * u;
            spread += x * x + y * y;
        }
        if !(spread > 0.0 && spread.is_finite()) {
            return Err(ModelError::BadSetting {
                setting: "points of a face",
                got: format!("{from:?}"),
                expected: "must be finite and not all the same".into(),
            });
        }
        let (a, b) = (along / spread, across / spread);
        let shift =
            [goal[0] - (a * centre[0] - b * centre[1]), goal[1] - (b * centre[0] + a * centre[1])];
        Ok(Self { a, b, shift })
    }

    /// The 2 × 3 matrix, as `cv2.warpAffine` takes it.
    pub fn matrix(&self) -> [[f64; 3]; 2] {
        let [c, d] = self.shift;
        [[self.a, -self.b, c], [self.b, self.a, d]]
    }

    /// The map back. None undoes a scale of 0.
    fn inverse(&self) -> Option<Self> {
        let square = self.a * self.a + self.b * self.b;
        let [a, b] = [self.a / square, -self.b / square];
        let [c, d] = self.shift;
        let shift = [-(a * c - b * d), -(b * c + a * d)];
        let inverse = Self { a, b, shift };
        (square > 0.0 && square.is_finite()).then_some(inverse)
    }
}

/// The square of `side` pixels that `map` takes from the picture, bilinear; black where there is no
/// picture. `cv2.warpAffine` with its defaults, before rounding to tables.
///
/// # Errors
/// When `side` is 0 or the map takes everything to one point.
pub fn warped(picture: &Picture, map: &Similarity, side: usize) -> ModelResult<Picture> {
    let back = map.inverse().ok_or_else(|| ModelError::BadSetting {
        setting: "map of a face",
        got: format!("{map:?}"),
        expected: "must not take everything to one point".into(),
    })?;
    let mut values = vec![0; side * side * 3];
    values.par_chunks_mut((side * 3).max(1)).enumerate().for_each(|(row, target)| {
        // To round down is one instruction on processors that have it, and a call on the oldest.
        vectorized(
            #[inline(always)]
            || {
                for (column, target) in target.chunks_exact_mut(3).enumerate() {
                    let (x, y) = (column as f64, row as f64);
                    let place = [
                        back.a * x - back.b * y + back.shift[0],
                        back.b * x + back.a * y + back.shift[1],
                    ];
                    target.copy_from_slice(&sampled(picture, place));
                }
            },
        );
    });
    Picture::new([side, side], values)
}

/// The face of `side` pixels under five points: insightface's `norm_crop`.
///
/// # Errors
/// As [`template`] and [`Similarity::between`].
pub fn aligned(picture: &Picture, points: &FivePoints, side: usize) -> ModelResult<Picture> {
    warped(picture, &Similarity::between(points, &template(side)?)?, side)
}

/// The colour at a place between pixels.
#[inline(always)]
fn sampled(picture: &Picture, [x, y]: Point) -> [u8; 3] {
    let [height, width] = picture.size();
    if !(x > -1.0 && y > -1.0 && x < width as f64 && y < height as f64) {
        return [0; 3];
    }
    let (left, top) = (x.floor(), y.floor());
    if left >= 0.0 && top >= 0.0 && left + 1.0 < width as f64 && top + 1.0 < height as f64 {
        return between(picture, [top as usize, left as usize], [x - left, y - top]);
    }
    let mut sums = [0.0; 3];
    for (row, share_y) in [(top, top + 1.0 - y), (top + 1.0, y - top)] {
        for (column, share_x) in [(left, left + 1.0 - x), (left + 1.0, x - left)] {
            let inside =
                row >= 0.0 && column >= 0.0 && row < height as f64 && column < width as f64;
            if inside {
                let pixel = &picture.row(row as usize)[column as usize * 3..];
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += share_x * share_y * f64::from(value);
                }
            }
        }
    }
    sums.map(rounded)
}

/// The colour between four pixels, of which the one above and to the left is `corner`.
#[inline(always)]
fn between(picture: &Picture, corner: [usize; 2], [x, y]: Point) -> [u8; 3] {
    let [row, column] = corner;
    let (above, below) =
        (&picture.row(row)[column * 3..][..6], &picture.row(row + 1)[column * 3..][..6]);
    let shares = [(1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y];
    // A loop, not `from_fn`, whose closure would be compiled for the oldest processors and called.
    let mut mixed = [0; 3];
    for channel in 0..3 {
        let upper =
            shares[0] * f64::from(above[channel]) + shares[1] * f64::from(above[channel + 3]);
        let lower = shares[2] * f64::from(below[channel]);
        let sum = upper + lower + shares[3] * f64::from(below[channel + 3]);
        mixed[channel] = rounded(sum);
    }
    mixed
}

/// The integer nearest to a number of 0 to 255, the even one of two. Adding 1.5·2⁵² leaves it in the
/// low bits.
#[inline(always)]
fn rounded(value: f64) -> u8 {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    (value + ROUND).to_bits() as u8
}

fn mean(points: &FivePoints) -> Point {
    let count = points.len() as f64;
    [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use super::{Similarity, aligned, template, template_zoomed, warped};
    use crate::eval::picture::Picture;

    #[test]
    fn a_known_map_is_found_and_undone() {
        let known = Similarity { a: 0.8, b: -0.3, shift: [5.0, -7.0] };
        let from = template(112).unwrap();
        let to = from.map(|[x, y]| known.matrix().map(|[a, b, c]| a * x + b * y + c));
        let found = Similarity::between(&from, &to).unwrap();
        for (found, known) in found.matrix().concat().iter().zip(known.matrix().concat()) {
            assert!((found - known).abs() < 1e-12, "{found} {known}");
        }
        let back = known.inverse().unwrap();
        for ([x, y], to) in from.into_iter().zip(to) {
            let [u, v] = back.matrix().map(|[a, b, c]| a * to[0] + b * to[1] + c);
            assert!((u - x).abs() < 1e-12 && (v - y).abs() < 1e-12);
        }
    }

    #[test]
    fn the_template_is_centred_in_larger_squares() {
        let double = template(224).unwrap();
        assert_eq!(double[0], template(112).unwrap()[0].map(|x| x * 2.0));
        assert!((template(256).unwrap()[2][0] - 128.0504).abs() < 1e-9);
        assert!(template(100).is_err() && template(0).is_err());
        assert_eq!(template_zoomed(224, 2.0)[3], double[3]);
    }

    #[test]
    fn outside_the_picture_is_black() {
        let picture = Picture::new([2, 2], vec![200; 12]).unwrap();
        let shifted = Similarity { a: 1.0, b: 0.0, shift: [1.5, 0.0] };
        let crop = warped(&picture, &shifted, 4).unwrap();
        let first_row: Vec<u8> = crop.values()[..12].iter().step_by(3).copied().collect();
        assert_eq!(first_row, [0, 100, 200, 100]);
        assert!(aligned(&picture, &[[1.0, 1.0]; 5], 112).is_err());
        let nothing = Similarity { a: 0.0, ..shifted };
        assert!(warped(&picture, &nothing, 4).is_err());
    }
}
