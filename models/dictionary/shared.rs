//! The learnable elements, and the mixture of them that correlates with a face (Eq. 3–4).

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::{Normalizer, Pool, Temperature};
use crate::error::{ModelError, ModelResult};
use crate::params::{Group, Params};
use crate::stream::Stream;

/// What defines a [`Dictionary`].
#[derive(Clone)]
pub struct DictionaryConfig {
    /// Elements C.
    pub elements: usize,
    /// Width D.
    pub width: usize,
    /// Standard deviation of the elements at the start.
    pub std: f64,
    /// Pooling over tokens.
    pub pool: Arc<dyn Pool>,
    /// Normaliser over elements.
    pub normalizer: Arc<dyn Normalizer>,
    /// Factor on the pooled correlations: 1 or 1/√D.
    pub scale: f64,
    /// Divisor of the pooled correlations.
    pub temperature: Temperature,
}

/// Dictionary weights W and the mixture S of the elements they weigh.
#[derive(Clone, Debug)]
pub struct AlignerOutput {
    /// W, `[B, C]`.
    pub weights_bc: Tensor,
    /// S as Eq. 4 gives it, `[B, D]`.
    pub shared_bd: Tensor,
}

/// The learnable elements and how they are used.
#[derive(Clone)]
pub struct Dictionary {
    config: DictionaryConfig,
    elements_cd: Tensor,
}

impl Dictionary {
    /// Declares `<name>.weight`, N(0, std²).
    pub fn new(
        config: DictionaryConfig,
        params: &mut Params,
        name: &str,
        seed: u64,
    ) -> ModelResult<Self> {
        config.check()?;
        let name = format!("{name}.weight");
        let init = Stream::new(seed, &format!("init/{name}"), 0).normal_tensor(
            (config.elements, config.width),
            config.std as f32,
            params.device(),
        )?;
        // No decay: the elements' scale is what sets how peaked W is.
        let elements_cd = params.add(&name, &init, Group::NoDecay)?;
        Ok(Self { config, elements_cd })
    }

    /// Weights and mixture of a batch of token sequences at a training step (for the temperature).
    ///
    /// # Shapes
    /// - e_bld: `[B, L, D]`
    /// - output: W `[B, C]`, S `[B, D]`
    pub fn forward(&self, e_bld: &Tensor, step: u64) -> Result<AlignerOutput> {
        let correlations_bc = self.config.pool.pool(e_bld, &self.elements_cd)?; // Eq. 3
        let factor = self.config.scale / self.config.temperature.at(step);
        let scaled_bc = scaled(&correlations_bc, factor)?;
        let weights_bc = self.config.normalizer.normalize(&scaled_bc)?;
        let shared_bd = weights_bc.matmul(&self.elements_cd)?; // Eq. 4
        Ok(AlignerOutput { weights_bc, shared_bd })
    }
}

impl DictionaryConfig {
    fn check(&self) -> ModelResult<()> {
        let bad = |setting, got: String, expected: &str| {
            Err(ModelError::BadSetting { setting, got, expected: expected.to_owned() })
        };
        if self.elements == 0 {
            return bad("elements", "0".to_owned(), "must be at least 1");
        }
        let Temperature { start, decay, floor } = self.temperature;
        if !(start > 0.0 && start.is_finite()) {
            return bad("temperature", start.to_string(), "must be above 0");
        }
        if !(decay > 0.0 && decay.is_finite()) {
            return bad("temperature_decay", decay.to_string(), "must be above 0");
        }
        if !(floor > 0.0 || (floor == 0.0 && decay >= 1.0)) {
            return bad("temperature_floor", floor.to_string(), "must be above 0 when it decays");
        }
        Ok(())
    }
}

/// Multiplies by a constant, at no cost for the constant 1 (Eq. 3 as printed).
fn scaled(x: &Tensor, factor: f64) -> Result<Tensor> {
    if (factor - 1.0).abs() < f64::EPSILON { Ok(x.clone()) } else { x.affine(factor, 0.0) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::{Device, Tensor};

    use super::{AlignerOutput, Dictionary, DictionaryConfig, Normalizer, Pool, Temperature};
    use crate::dictionary::{CustomNormalizer, DensePool, builtin_normalizer, builtin_pool};
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::{Group, Params};
    use crate::stream::Stream;

    /// A dictionary of 12 elements, and tokens `[3, 5, 6]` that are parameters too.
    fn small(pool: Arc<dyn Pool>, normalizer: Arc<dyn Normalizer>) -> (Params, Dictionary, Tensor) {
        let temperature = Temperature { start: 0.7, decay: 1.0, floor: 0.1 };
        let (elements, width, std, scale) = (12, 6, 0.5, 0.5);
        let config =
            DictionaryConfig { elements, width, std, pool, normalizer, scale, temperature };
        let mut params = Params::new(&Device::Cpu);
        let dictionary = Dictionary::new(config, &mut params, "dictionary", 3).unwrap();
        let tokens = Stream::new(4, "test/tokens", 0).normal_tensor((3, 5, 6), 1.0, &Device::Cpu);
        let tokens = params.add("tokens", &tokens.unwrap(), Group::Decay).unwrap();
        (params, dictionary, tokens)
    }

    fn w_and_s(output: &AlignerOutput) -> candle_core::Result<Tensor> {
        Tensor::cat(&[&output.weights_bc, &output.shared_bd], 1)
    }

    #[test]
    fn gradients_of_every_pool_and_normalizer_match_finite_differences() {
        for pool in ["max", "mean", "sum"] {
            for normalizer in ["none", "softmax", "sparsemax"] {
                let normalizer = builtin_normalizer(normalizer).unwrap();
                let (params, dictionary, tokens) = small(builtin_pool(pool).unwrap(), normalizer);
                let output = || w_and_s(&dictionary.forward(&tokens, 0)?);
                check_parameter_gradients(&params, &output);
            }
        }
    }

    #[test]
    fn functions_take_the_place_of_built_ins() {
        let dense = Arc::new(DensePool(|z: &Tensor| z.mean(1)));
        let double = Arc::new(CustomNormalizer(|z: &Tensor| z * 2.0));
        let (params, custom, tokens) = small(dense, double);
        check_parameter_gradients(&params, &|| w_and_s(&custom.forward(&tokens, 0)?));
        let (_, builtin, _) =
            small(builtin_pool("mean").unwrap(), builtin_normalizer("none").unwrap());
        let weights = |dictionary: &Dictionary| dictionary.forward(&tokens, 0).unwrap().weights_bc;
        let doubled = (weights(&builtin) * 2.0).unwrap();
        let error = (weights(&custom) - doubled).unwrap().abs().unwrap().max_all().unwrap();
        assert!(error.to_scalar::<f32>().unwrap() < 1e-5);
    }

    #[test]
    fn a_function_of_the_wrong_shape_is_named() {
        let wrong = Arc::new(DensePool(|z: &Tensor| z.mean(2)));
        let (_, dictionary, tokens) = small(wrong, builtin_normalizer("none").unwrap());
        let error = dictionary.forward(&tokens, 0).unwrap_err().to_string();
        let text = "a pooling of correlations [3, 5, 12] must give weights [3, 12], found [3, 5]";
        assert!(error.starts_with(text), "{error}");
    }
}
