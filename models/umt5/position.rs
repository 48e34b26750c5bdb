//! Relative positions: what attention adds to the score of two tokens at some distance.

use candle_core::{DType, Result, Tensor};

use super::Umt5Config;
use crate::error::ModelResult;
use crate::params::{Group, Params};

/// The bucket of a relative position (key − query), of `buckets` that reach to `max_distance`:
/// tokens after in the upper half; near ones one by one, far ones in logarithmic steps (Raffel et
/// al. 2020; `_relative_position_bucket` of T5).
pub fn relative_bucket(position: i64, buckets: usize, max_distance: usize) -> usize {
    let half = buckets / 2;
    let side = if position > 0 { half } else { 0 };
    let distance = position.unsigned_abs() as usize;
    let near = half / 2;
    if distance < near {
        return side + distance;
    }
    // In f32, as the original: the borders of the steps hang on the rounding.
    let steps = (distance as f32 / near as f32).ln()
        / ((max_distance as f64 / near as f64).ln() as f32)
        * (half - near) as f32;
    side + (near + steps as usize).min(half - 1)
}

/// The table of one block.
#[derive(Clone, Debug)]
pub(super) struct PositionBias {
    table: Tensor,
    buckets: usize,
    max_distance: usize,
}

impl PositionBias {
    /// Declares `<name>.weight` `[buckets, heads]` (zeros).
    pub(super) fn new(config: &Umt5Config, params: &mut Params, name: &str) -> ModelResult<Self> {
        let zeros = Tensor::zeros((config.buckets, config.heads), DType::F32, params.device())?;
        let table = params.add(&format!("{name}.weight"), &zeros, Group::NoDecay)?;
        Ok(Self { table, buckets: config.buckets, max_distance: config.max_distance })
    }

    /// The bias of `length` tokens on `length` tokens, `[1, H, L, L]`.
    pub(super) fn forward(&self, length: usize) -> Result<Tensor> {
        let buckets: Vec<u32> = (0..length * length)
            .map(|at| {
                let position = (at % length) as i64 - (at / length) as i64;
                relative_bucket(position, self.buckets, self.max_distance) as u32
            })
            .collect();
        let buckets = Tensor::from_vec(buckets, length * length, self.table.device())?;
        let rows = self.table.index_select(&buckets, 0)?;
        rows.reshape((length, length, ()))?.permute((2, 0, 1))?.unsqueeze(0)?.contiguous()
    }
}

#[cfg(test)]
mod tests {
    use super::relative_bucket;

    #[test]
    fn near_tokens_have_buckets_of_their_own_and_far_ones_share() {
        let bucket = |position| relative_bucket(position, 32, 128);
        assert_eq!([0, -1, -7, 1, 7].map(bucket), [0, 1, 7, 17, 23]);
        assert_eq!(
            [-8, -11, -12, -16, -64, -127, -128, -1000].map(bucket),
            [8, 8, 9, 10, 14, 15, 15, 15]
        );
        assert_eq!(bucket(1000), 31);
    }
}
