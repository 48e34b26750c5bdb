//! The text side of the dual encoder: a caption as one vector, by a convolution over three words.

use candle_core::{Result, Tensor, bail};

use crate::error::ModelResult;
use crate::linear::Linear;
use crate::ops;
use crate::params::Params;

/// The sizes of a [`TextTower`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextTowerConfig {
    /// Width of a word's row.
    pub word_dim: usize,
    /// Hidden width.
    pub hidden: usize,
    /// Width of the caption's vector.
    pub embedding: usize,
}

/// Every word with its two neighbours → linear → GELU → mean over the words → linear (Kim 2014
/// with a mean). Neighbours say what an adjective belongs to: `black hair`, `navy T-shirt`.
#[derive(Clone, Debug)]
pub struct TextTower {
    window: Linear,
    embed: Linear,
}

impl TextTower {
    /// Declares `text.…` with initial values from `seed`.
    pub fn new(config: TextTowerConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        let TextTowerConfig { word_dim, hidden, embedding } = config;
        let window = Linear::new(params, "text.window", (3 * word_dim, hidden), seed)?;
        let embed = Linear::new(params, "text.embed", (hidden, embedding), seed)?;
        Ok(Self { window, embed })
    }

    /// The vectors of captions.
    ///
    /// # Shapes
    /// - words_bld: `[B, L, word_dim]`, zeros below the last word
    /// - lengths: B, words of each caption, 1 to L
    /// - output: `[B, embedding]`
    pub fn forward(&self, words_bld: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let (b, l, _) = words_bld.dims3()?;
        if lengths.len() != b || lengths.iter().any(|&length| length == 0 || length > l) {
            bail!("expected {b} lengths from 1 to {l}, found {lengths:?}");
        }
        let padded = words_bld.pad_with_zeros(1, 1, 1)?;
        let windows =
            [0, 1, 2].map(|at| padded.narrow(1, at, l)).into_iter().collect::<Result<Vec<_>>>()?;
        let hidden_blh = ops::gelu(&self.window.forward(&Tensor::cat(&windows, 2)?)?)?;
        let share = |place: usize| {
            let (row, word) = (place / l, place % l);
            if word < lengths[row] { 1.0 / lengths[row] as f32 } else { 0.0 }
        };
        let shares =
            Tensor::from_vec((0..b * l).map(share).collect(), (b, l, 1), words_bld.device());
        let mean_bh = ops::token_sum(&hidden_blh.broadcast_mul(&shares?)?)?;
        self.embed.forward(&mean_bh)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::{TextTower, TextTowerConfig};
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::Params;
    use crate::stream::Stream;

    #[test]
    fn padding_is_not_read_and_gradients_reach_every_parameter() {
        let config = TextTowerConfig { word_dim: 4, hidden: 6, embedding: 5 };
        let mut params = Params::new(&Device::Cpu);
        let tower = TextTower::new(config, &mut params, 1).unwrap();
        let words = Stream::new(2, "test", 0).normal_tensor((2, 3, 4), 1.0, &Device::Cpu).unwrap();
        let longer = words.pad_with_zeros(1, 0, 4).unwrap();
        let values = |words| {
            tower.forward(words, &[3, 3]).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        for (a, b) in values(&words).iter().zip(values(&longer)) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        check_parameter_gradients(&params, &|| tower.forward(&words, &[3, 2]));
        assert!(tower.forward(&words, &[3, 4]).is_err());
    }
}
