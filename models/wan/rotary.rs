//! Rotary position embedding over time, height and width, from signed positions.

use candle_core::{Device, Result, Tensor};

/// How the pairs of a head's values turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RotaryAxes {
    /// Pairs that turn with time, height and width.
    pub pairs: [usize; 3],
    /// Base of the rotation frequencies.
    pub theta: f64,
}

impl RotaryAxes {
    /// Wan's: height and width get ⌊Dh/6⌋ pairs each, time the others (METHOD §1.3).
    pub fn wan(head_dim: usize) -> Self {
        let plane = head_dim / 6;
        Self { pairs: [head_dim / 2 - 2 * plane, plane, plane], theta: 10_000.0 }
    }
}

/// Where the tokens of one grid lie: frames × rows × columns from an origin that may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Tokens along time, height and width.
    pub size: [usize; 3],
    /// Position of the first token along each.
    pub origin: [i64; 3],
}

impl Grid {
    /// A grid at the origin.
    pub fn at_origin(size: [usize; 3]) -> Self {
        Self { size, origin: [0; 3] }
    }

    /// Tokens in the grid.
    pub fn tokens(&self) -> usize {
        self.size.iter().product()
    }
}

/// Cosines and sines of the rotation of every token's pairs of values, each `[L, Dh/2]`.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// Cosines.
    pub cos: Tensor,
    /// Sines.
    pub sin: Tensor,
}

impl Rotary {
    /// The rotations of grids laid one after the other, each in order (t, h, w), w fastest, for
    /// heads of `head_dim` values that turn as Wan's.
    pub fn new(grids: &[Grid], head_dim: usize, device: &Device) -> Result<Self> {
        Self::with_axes(grids, &RotaryAxes::wan(head_dim), device)
    }

    /// As [`Rotary::new`], for heads of any division. Angles are formed in f64:
    /// position·θ^(−2j/axis width), the first pairs turning with time, then height, then width.
    pub fn with_axes(grids: &[Grid], axes: &RotaryAxes, device: &Device) -> Result<Self> {
        let tokens: usize = grids.iter().map(Grid::tokens).sum();
        let pairs: usize = axes.pairs.iter().sum();
        let (mut cos, mut sin) =
            (Vec::with_capacity(tokens * pairs), Vec::with_capacity(tokens * pairs));
        for grid in grids {
            let turns: Vec<Vec<Turns>> = (0..3).map(|axis| turns(grid, axis, axes)).collect();
            for t in 0..grid.size[0] {
                for h in 0..grid.size[1] {
                    for w in 0..grid.size[2] {
                        for part in [&turns[0][t], &turns[1][h], &turns[2][w]] {
                            cos.extend_from_slice(&part.cos);
                            sin.extend_from_slice(&part.sin);
                        }
                    }
                }
            }
        }
        Ok(Self {
            cos: Tensor::from_vec(cos, (tokens, pairs), device)?,
            sin: Tensor::from_vec(sin, (tokens, pairs), device)?,
        })
    }
}

/// The rotations of one position along one axis.
struct Turns {
    cos: Vec<f32>,
    sin: Vec<f32>,
}

fn turns(grid: &Grid, axis: usize, axes: &RotaryAxes) -> Vec<Turns> {
    let pairs = axes.pairs[axis];
    let at = |position: i64| {
        let angles: Vec<(f64, f64)> = (0..pairs)
            .map(|j| (position as f64 * axes.theta.powf(-(j as f64) / pairs as f64)).sin_cos())
            .collect();
        Turns {
            cos: angles.iter().map(|(_, cos)| *cos as f32).collect(),
            sin: angles.iter().map(|(sin, _)| *sin as f32).collect(),
        }
    };
    (0..grid.size[axis] as i64).map(|step| at(grid.origin[axis] + step)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Grid, Rotary, RotaryAxes};
    use candle_core::{Device, Tensor};

    #[test]
    fn heads_are_split_as_in_the_original() {
        assert_eq!(RotaryAxes::wan(128).pairs, [22, 21, 21]);
        assert_eq!(RotaryAxes::wan(64).pairs, [12, 10, 10]);
    }

    #[test]
    fn a_negative_position_turns_the_other_way() {
        let at = |t: i64| {
            let grid = Grid { size: [1, 1, 1], origin: [t, 0, 0] };
            Rotary::new(&[grid], 12, &Device::Cpu).unwrap()
        };
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (before, after) = (at(-1), at(1));
        assert_eq!(values(&before.cos), values(&after.cos));
        assert_eq!(values(&before.sin), values(&after.sin.neg().unwrap()));
        assert!((values(&after.sin)[0] - 1f32.sin()).abs() < 1e-7);
        assert!((values(&after.sin)[1] - 0.01f32.sin()).abs() < 1e-7);
    }

    #[test]
    fn grids_follow_each_other_with_width_fastest() {
        let video = Grid::at_origin([2, 1, 3]);
        let reference = Grid { size: [1, 1, 1], origin: [2, 0, 3] };
        let both = Rotary::new(&[video, reference], 6, &Device::Cpu).unwrap();
        assert_eq!(both.cos.dims(), [7, 3]);
        let angle = |token: usize| {
            let sin = both.sin.to_vec2::<f32>().unwrap();
            let cos = both.cos.to_vec2::<f32>().unwrap();
            (0..3).map(|pair| sin[token][pair].atan2(cos[token][pair])).collect::<Vec<_>>()
        };
        assert_eq!(angle(2), [0.0, 0.0, 2.0]);
        assert_eq!(angle(3), [1.0, 0.0, 0.0]);
        assert_eq!(angle(6), [2.0, 0.0, 3.0]);
    }
}
