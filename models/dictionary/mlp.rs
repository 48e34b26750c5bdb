//! A multi-layer perceptron in the place of the dictionary, for the control that asks whether the
//! dictionary is what helps, or only its number of weights (METHOD §5.3).

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::{AlignerOutput, Pool};
use crate::error::{ModelError, ModelResult};
use crate::linear::Linear;
use crate::ops;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// Tokens → hidden units, pooled over the tokens as Eq. 3 pools correlations → SiLU → S. Unlike
/// the dictionary, which reads and writes with one matrix, it has a matrix for each.
#[derive(Clone)]
pub struct PooledMlp {
    pool: Arc<dyn Pool>,
    hidden_hd: Tensor,
    bias_h: Tensor,
    output: Linear,
}

impl PooledMlp {
    /// Declares `<name>.hidden.weight`, `<name>.hidden.bias` and `<name>.output.…` for tokens of
    /// `width`, with as many hidden units as [`hidden_units`] finds for a dictionary of `elements`.
    pub fn new(
        pool: Arc<dyn Pool>,
        params: &mut Params,
        (name, width, elements): (&str, usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let units = hidden_units(elements, width);
        if units == 0 {
            return Err(ModelError::BadSetting {
                setting: "elements",
                got: elements.to_string(),
                expected: "must be at least 4 for an MLP with as many weights".to_owned(),
            });
        }
        let hidden = format!("{name}.hidden");
        let bound = (6.0 / (width + units) as f32).sqrt(); // Glorot & Bengio 2010
        let init = Stream::new(seed, &format!("init/{hidden}.weight"), 0).uniform_tensor(
            (units, width),
            bound,
            params.device(),
        )?;
        let zeros = Tensor::zeros(units, candle_core::DType::F32, params.device())?;
        Ok(Self {
            pool,
            hidden_hd: params.add(&format!("{hidden}.weight"), &init, Group::Decay)?,
            bias_h: params.add(&format!("{hidden}.bias"), &zeros, Group::NoDecay)?,
            output: Linear::new(params, &format!("{name}.output"), (units, width), seed)?,
        })
    }

    /// Hidden units, in the place of W, and S of a batch of token sequences.
    ///
    /// # Shapes
    /// - e_bld: `[B, L, D]`
    /// - output: hidden units `[B, H]`, S `[B, D]`
    pub fn forward(&self, e_bld: &Tensor) -> Result<AlignerOutput> {
        let pooled_bh = self.pool.pool(e_bld, &self.hidden_hd)?;
        let weights_bc = ops::silu(&pooled_bh.broadcast_add(&self.bias_h)?)?;
        let shared_bd = self.output.forward(&weights_bc)?;
        Ok(AlignerOutput { weights_bc, shared_bd })
    }
}

/// Hidden units H of the MLP whose two layers with their biases have as many weights as a
/// dictionary, to the nearest below: H·D + H + D·H + D ≤ C·D.
pub fn hidden_units(elements: usize, width: usize) -> usize {
    (elements * width).saturating_sub(width) / (2 * width + 1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::dictionary::{builtin_pool, hidden_units};
    use crate::parameter_gradients::check_parameter_gradients;

    fn small(pool: &str) -> (Params, PooledMlp, Tensor) {
        let mut params = Params::new(&Device::Cpu);
        let pool = builtin_pool(pool).unwrap();
        let mlp = PooledMlp::new(pool, &mut params, ("mlp", 6, 20), 3).unwrap();
        let tokens = Stream::new(4, "test/tokens", 0).normal_tensor((3, 5, 6), 1.0, &Device::Cpu);
        let tokens = params.add("tokens", &tokens.unwrap(), Group::Decay).unwrap();
        (params, mlp, tokens)
    }

    #[test]
    fn gradients_match_finite_differences_under_every_pooling() {
        for pool in ["max", "mean", "sum"] {
            let (params, mlp, tokens) = small(pool);
            check_parameter_gradients(&params, &|| {
                let output = mlp.forward(&tokens)?;
                Tensor::cat(&[&output.weights_bc, &output.shared_bd], 1)
            });
        }
    }

    #[test]
    fn it_has_as_many_weights_as_the_dictionary_it_replaces() {
        for (elements, width) in [(4096, 64), (1024, 1024), (20, 6)] {
            let (units, budget) = (hidden_units(elements, width), elements * width);
            let weights = |units: usize| 2 * units * width + units + width;
            assert!(weights(units) <= budget && budget < weights(units + 1), "{elements} {width}");
        }
        let (params, ..) = small("max");
        let named = |name: &str| params.get(name).unwrap().var().elem_count();
        let layers = ["mlp.hidden.weight", "mlp.hidden.bias", "mlp.output.weight"];
        let found: usize = layers.iter().map(|name| named(name)).sum();
        assert_eq!(found + named("mlp.output.bias"), 8 * 6 + 8 + 6 * 8 + 6);
    }

    #[test]
    fn a_dictionary_too_small_to_be_matched_is_named() {
        let mut params = Params::new(&Device::Cpu);
        let pool = builtin_pool("max").unwrap();
        let error = PooledMlp::new(pool, &mut params, ("mlp", 6, 2), 0).err().unwrap();
        assert!(error.to_string().contains("at least 4"), "{error}");
    }
}
