//! Triangles to samples: a z-buffer that remembers which triangle each sample shows.
//!
//! Colour is computed afterwards, once for what is visible.

use super::vector::V3;

/// No triangle covers the sample.
pub(crate) const NOTHING: u32 = u32::MAX;

/// A square of samples: the nearest depth and the triangle there.
pub(crate) struct Samples {
    /// Samples along a side.
    pub(crate) side: usize,
    /// Nearness of what is seen, larger = closer to the camera.
    pub(crate) near: Vec<f32>,
    /// Number of the triangle seen, or [`NOTHING`].
    pub(crate) shown: Vec<u32>,
}

/// Which sides of a triangle are seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    /// The outside only.
    Outer,
    /// Both.
    Both,
}

/// A triangle ready to be walked: plane coefficients of its barycentrics and its nearness.
pub(crate) struct Setup {
    /// Weight of the second corner at sample (x, y) is `b[0] + b[1]·x + b[2]·y`.
    pub(crate) b: V3,
    /// The same for the third corner.
    pub(crate) c: V3,
}

impl Samples {
    /// An empty square of `side`² samples.
    pub(crate) fn new(side: usize) -> Self {
        let count = side * side;
        Self { side, near: vec![f32::NEG_INFINITY; count], shown: vec![NOTHING; count] }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.near.fill(f32::NEG_INFINITY);
        self.shown.fill(NOTHING);
    }

    /// Draws triangle `number` with corners `p` (x right, y down, both in samples; z nearness)
    /// where it is nearest and `keep(weight of corner 1, of corner 2)` holds.
    pub(crate) fn draw(
        &mut self,
        p: [V3; 3],
        number: u32,
        sides: Sides,
        keep: impl Fn(f32, f32) -> bool,
    ) {
        // The cheapest tests first: half of the triangles look away, most of the rest lie between
        // the samples.
        if sides == Sides::Outer && area(p) >= 0.0 {
            return;
        }
        let Some((left, right)) = self.span(p, 0) else { return };
        let Some((top, bottom)) = self.span(p, 1) else { return };
        let Some(setup) = Setup::new(p) else { return };
        let (d1, d2) = (p[1][2] - p[0][2], p[2][2] - p[0][2]);
        for y in top..=bottom {
            let (b_row, c_row) = setup.at(left as f32 + 0.5, y as f32 + 0.5);
            let row = y * self.side;
            for x in left..=right {
                let step = (x - left) as f32;
                let (b, c) = (b_row + step * setup.b[1], c_row + step * setup.c[1]);
                if b < 0.0 || c < 0.0 || b + c > 1.0 {
                    continue;
                }
                let near = p[0][2] + b * d1 + c * d2;
                if near > self.near[row + x] && keep(b, c) {
                    self.near[row + x] = near;
                    self.shown[row + x] = number;
                }
            }
        }
    }

    /// First and last sample whose centre (at a half-integer) a triangle's extent includes.
    /// Most triangles of a small picture have none.
    fn span(&self, p: [V3; 3], axis: usize) -> Option<(usize, usize)> {
        let (a, b, c) = (p[0][axis], p[1][axis], p[2][axis]);
        let low = (a.min(b).min(c) - 0.5).max(0.0);
        let high = a.max(b).max(c) - 0.5;
        if high < low || low >= self.side as f32 {
            return None;
        }
        let whole = low as usize;
        let first = if (whole as f32) < low { whole + 1 } else { whole };
        let last = (high as usize).min(self.side - 1);
        (first <= last).then_some((first, last))
    }
}

impl Setup {
    /// `None` for a triangle seen edge-on.
    pub(crate) fn new(p: [V3; 3]) -> Option<Self> {
        let (x1, y1) = (p[1][0] - p[0][0], p[1][1] - p[0][1]);
        let (x2, y2) = (p[2][0] - p[0][0], p[2][1] - p[0][1]);
        let area = area(p);
        if area.abs() < 1e-9 {
            return None;
        }
        let inverse = 1.0 / area;
        let plane = |dx: f32, dy: f32| {
            [-(dx * p[0][0] + dy * p[0][1]) * inverse, dx * inverse, dy * inverse]
        };
        Some(Self { b: plane(y2, -x2), c: plane(-y1, x1) })
    }

    /// Weights of the second and the third corner at a point.
    pub(crate) fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.b[0] + self.b[1] * x + self.b[2] * y, self.c[0] + self.c[1] * x + self.c[2] * y)
    }
}

/// Twice the area; negative for the outside, whose corners run anticlockwise with y up and so
/// clockwise with y down.
fn area(p: [V3; 3]) -> f32 {
    (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[2][0] - p[0][0]) * (p[1][1] - p[0][1])
}

#[cfg(test)]
mod tests {
    use super::{NOTHING, Samples, Sides};

    const NEAR: [[f32; 3]; 3] = [[0.0, 0.0, 1.0], [0.0, 8.0, 1.0], [8.0, 0.0, 1.0]];

    #[test]
    fn the_nearest_triangle_is_seen() {
        let mut samples = Samples::new(8);
        samples.draw(NEAR, 0, Sides::Outer, |_, _| true);
        samples.draw(NEAR.map(|p| [p[0], p[1], 0.5]), 1, Sides::Outer, |_, _| true);
        assert_eq!((samples.shown[0], samples.shown[63]), (0, NOTHING));
        let covered = samples.shown.iter().filter(|&&t| t == 0).count();
        assert_eq!(covered, 36, "half a square and its diagonal");
    }

    #[test]
    fn the_inside_is_hidden_unless_both_sides_count() {
        let turned = [NEAR[0], NEAR[2], NEAR[1]];
        let mut samples = Samples::new(8);
        samples.draw(turned, 0, Sides::Outer, |_, _| true);
        assert!(samples.shown.iter().all(|&t| t == NOTHING));
        samples.draw(turned, 0, Sides::Both, |_, _| true);
        assert_eq!(samples.shown[0], 0);
    }
}
