//! From pooled correlations to dictionary weights.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::error::{ModelError, ModelResult};
use crate::ops;

/// Turns pooled correlations into dictionary weights.
pub trait Normalizer: Send + Sync {
    /// The weights.
    ///
    /// # Shapes
    /// - z_bc: `[B, C]`
    /// - output: `[B, C]`
    fn normalize(&self, z_bc: &Tensor) -> Result<Tensor>;
}

/// The built-in normalisers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltinNormalizer {
    /// Eq. 3 as printed.
    Identity,
    /// Softmax over the elements.
    Softmax,
    /// Sparsemax over the elements (Martins & Astudillo 2016): most weights are exactly 0.
    Sparsemax,
}

impl Normalizer for BuiltinNormalizer {
    fn normalize(&self, z_bc: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(z_bc.clone()),
            Self::Softmax => ops::softmax(z_bc),
            Self::Sparsemax => ops::sparsemax(z_bc),
        }
    }
}

/// A normaliser given as a function, e.g. by a script.
pub struct CustomNormalizer<F>(pub F);

impl<F: Fn(&Tensor) -> Result<Tensor> + Send + Sync> Normalizer for CustomNormalizer<F> {
    fn normalize(&self, z_bc: &Tensor) -> Result<Tensor> {
        let weights = (self.0)(z_bc)?;
        if weights.dims() != z_bc.dims() {
            candle_core::bail!(
                "a normaliser must keep the shape {:?}, found {:?}",
                z_bc.shape(),
                weights.shape()
            );
        }
        Ok(weights)
    }
}

/// The built-in normaliser of a name: `none`, `softmax` or `sparsemax`.
pub fn builtin_normalizer(name: &str) -> ModelResult<Arc<dyn Normalizer>> {
    let normalizer = match name {
        "none" => BuiltinNormalizer::Identity,
        "softmax" => BuiltinNormalizer::Softmax,
        "sparsemax" => BuiltinNormalizer::Sparsemax,
        _ => {
            let (kind, known) = ("normalizer", &["none", "softmax", "sparsemax"]);
            return Err(ModelError::UnknownName { kind, name: name.to_owned(), known });
        }
    };
    Ok(Arc::new(normalizer))
}

#[cfg(test)]
mod tests {
    use super::builtin_normalizer;

    #[test]
    fn names_are_checked() {
        let error = builtin_normalizer("sparse_max").err().unwrap();
        let text = "unknown normalizer `sparse_max`; choose one of none, softmax, sparsemax";
        assert_eq!(error.to_string(), text);
    }
}
