//! The sizes of a UMT5 encoder.

use crate::error::{ModelError, ModelResult};

/// The sizes of a [`Umt5`](super::Umt5) encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Umt5Config {
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// Width of a token, D.
    pub dim: usize,
    /// Blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head; `heads` of them need not make up `dim`.
    pub head_dim: usize,
    /// Hidden width of the feed-forward part.
    pub ffn_dim: usize,
    /// Rows of a table of relative positions; half of them for tokens before, half for tokens
    /// after.
    pub buckets: usize,
    /// Distance from which on all tokens share a bucket.
    pub max_distance: usize,
    /// ε of the norms.
    pub eps: f32,
}

impl Umt5Config {
    /// UMT5-XXL, the encoder of every Wan model: 5,680,910,336 parameters.
    pub const fn xxl() -> Self {
        Self {
            vocab: 256_384,
            dim: 4096,
            layers: 24,
            heads: 64,
            head_dim: 64,
            ffn_dim: 10_240,
            buckets: 32,
            max_distance: 128,
            eps: 1e-6,
        }
    }

    /// Values of all parameters.
    pub fn parameter_count(&self) -> usize {
        let attention = 4 * self.dim * self.heads * self.head_dim;
        let block =
            attention + 3 * self.dim * self.ffn_dim + 2 * self.dim + self.buckets * self.heads;
        self.vocab * self.dim + self.layers * block + self.dim
    }

    pub(super) fn check(&self) -> ModelResult<()> {
        let sizes = [
            ("vocab", self.vocab),
            ("dim", self.dim),
            ("heads", self.heads),
            ("head_dim", self.head_dim),
            ("ffn_dim", self.ffn_dim),
        ];
        let bad = |setting, got: usize, expected: &str| {
            let (got, expected) = (got.to_string(), expected.to_owned());
            Err(ModelError::BadSetting { setting, got, expected })
        };
        if let Some((setting, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return bad(setting, 0, "must be at least 1");
        }
        if self.buckets < 4 || !self.buckets.is_multiple_of(4) {
            return bad("buckets", self.buckets, "must be a multiple of 4");
        }
        if self.max_distance <= self.buckets / 4 {
            return bad("max_distance", self.max_distance, "must be above a quarter of `buckets`");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Umt5Config;

    #[test]
    fn the_size_of_xxl_is_that_of_the_released_weights() {
        assert_eq!(Umt5Config::xxl().parameter_count(), 5_680_910_336);
        Umt5Config::xxl().check().unwrap();
    }

    #[test]
    fn sizes_that_make_no_network_are_refused() {
        let message = |config: Umt5Config| config.check().unwrap_err().to_string();
        let xxl = Umt5Config::xxl();
        assert_eq!(
            message(Umt5Config { buckets: 30, ..xxl }),
            "`buckets` is 30, but must be a multiple of 4"
        );
        assert_eq!(
            message(Umt5Config { max_distance: 8, ..xxl }),
            "`max_distance` is 8, but must be above a quarter of `buckets`"
        );
        assert_eq!(message(Umt5Config { heads: 0, ..xxl }), "`heads` is 0, but must be at least 1");
    }
}
