//! Fixed tables of smooth noise, so that skin, hair, cloth and walls are never flat.

use std::sync::OnceLock;

use ffrun_models::stream::Stream;

use super::vector::V3;

const SIDE: usize = 64;
const STREAKS: usize = 256;
const ALONG: usize = 32;

/// Noise in space and along strands, the same for every head: details move with the surface
/// because they are looked up by rest coordinates.
pub(crate) struct Noise {
    space: Vec<f32>,
    streaks: Vec<f32>,
}

impl Noise {
    /// The one table.
    pub(crate) fn shared() -> &'static Self {
        static NOISE: OnceLock<Noise> = OnceLock::new();
        NOISE.get_or_init(Self::draw)
    }

    fn draw() -> Self {
        let mut stream = Stream::new(0, "heads/noise", 0);
        let raw: Vec<f32> = (0..SIDE * SIDE * SIDE).map(|_| stream.between(-1.0, 1.0)).collect();
        let streaks: Vec<f32> = (0..STREAKS * ALONG).map(|_| stream.between(-1.0, 1.0)).collect();
        Self { space: raw, streaks: lengthen(&streaks) }
    }

    /// Noise in about ±1 at a point; one lattice cell is one unit.
    pub(crate) fn at(&self, p: V3) -> f32 {
        let cell = |x: f32| {
            let whole = floor(x);
            (whole as usize & (SIDE - 1), smooth(x - whole as f32))
        };
        let ((x, fx), (y, fy), (z, fz)) = (cell(p[0]), cell(p[1]), cell(p[2]));
        let next = |i: usize| (i + 1) & (SIDE - 1);
        let row = |y: usize, z: usize| {
            let start = (z * SIDE + y) * SIDE;
            let (a, b) = (self.space[start + x], self.space[start + next(x)]);
            a + (b - a) * fx
        };
        let plane = |z: usize| {
            let (a, b) = (row(y, z), row(next(y), z));
            a + (b - a) * fy
        };
        let (a, b) = (plane(z), plane(next(z)));
        a + (b - a) * fz
    }

    /// Noise in ±1 at the nearest lattice point: cheap grain.
    pub(crate) fn grain(&self, p: V3) -> f32 {
        let cell = |x: f32| floor(x) as usize & (SIDE - 1);
        self.space[(cell(p[2]) * SIDE + cell(p[1])) * SIDE + cell(p[0])]
    }

    /// Noise that varies fast across strands and slowly along them.
    pub(crate) fn streak(&self, across: f32, along: f32) -> f32 {
        let column = floor(across) as usize & (STREAKS - 1);
        let whole = floor(along);
        let row = whole as usize & (ALONG - 1);
        let (a, b) = (
            self.streaks[row * STREAKS + column],
            self.streaks[((row + 1) & (ALONG - 1)) * STREAKS + column],
        );
        a + (b - a) * (along - whole as f32)
    }
}

/// The largest whole number not above x. (`f32::floor` is a call without SSE 4.1.)
fn floor(x: f32) -> i32 {
    let whole = x as i32;
    if whole as f32 > x { whole - 1 } else { whole }
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// Adds a slow part across strands, so that they gather in locks.
fn lengthen(fine: &[f32]) -> Vec<f32> {
    let lock = |row: usize, column: usize| {
        let (start, t) = (column / 8 * 8, (column % 8) as f32 / 8.0);
        let (a, b) = (fine[row * STREAKS + start], fine[row * STREAKS + (start + 8) % STREAKS]);
        a + (b - a) * t
    };
    (0..fine.len()).map(|i| 0.55 * fine[i] + 0.6 * lock(i / STREAKS, i % STREAKS)).collect()
}

#[cfg(test)]
mod tests {
    use super::Noise;

    #[test]
    fn noise_is_smooth_and_bounded() {
        let noise = Noise::shared();
        for step in 0..500 {
            let x = step as f32 * 0.173 - 30.0;
            let (a, b) = (noise.at([x, 2.5, -x]), noise.at([x + 0.01, 2.5, -x]));
            assert!(a.abs() <= 1.0 && (a - b).abs() < 0.06, "{a} {b}");
        }
    }
}
