//! Pooling of the correlations between tokens and dictionary elements over the tokens (Eq. 3).

use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::error::{ModelError, ModelResult};
use crate::ops;

/// Correlates tokens with dictionary elements and pools over the tokens (Eq. 3).
pub trait Pool: Send + Sync {
    /// The pooled correlations.
    ///
    /// # Shapes
    /// - e_bld: `[B, L, D]`
    /// - d_cd: `[C, D]`
    /// - output: `[B, C]`
    fn pool(&self, e_bld: &Tensor, d_cd: &Tensor) -> Result<Tensor>;
}

impl Pool for ops::Pool {
    fn pool(&self, e_bld: &Tensor, d_cd: &Tensor) -> Result<Tensor> {
        ops::pooled_correlation(e_bld, d_cd, *self)
    }
}

/// A pooling given as a function of all correlations, e.g. by a script. Holds the whole B×L×C
/// tensor, which the built-in poolings never do.
pub struct DensePool<F>(pub F);

impl<F: Fn(&Tensor) -> Result<Tensor> + Send + Sync> Pool for DensePool<F> {
    fn pool(&self, e_bld: &Tensor, d_cd: &Tensor) -> Result<Tensor> {
        let (b, l, _) = e_bld.dims3()?;
        let c = d_cd.dim(0)?;
        let pooled = (self.0)(&ops::linear(e_bld, d_cd, None)?)?;
        if pooled.dims() != [b, c] {
            candle_core::bail!(
                "a pooling of correlations [{b}, {l}, {c}] must give weights [{b}, {c}], found {:?}",
                pooled.shape()
            );
        }
        Ok(pooled)
    }
}

/// The built-in pooling of a name: `max`, `mean` or `sum` (Table 4).
pub fn builtin_pool(name: &str) -> ModelResult<Arc<dyn Pool>> {
    let pool = match name {
        "max" => ops::Pool::Max,
        "mean" => ops::Pool::Mean,
        "sum" => ops::Pool::Sum,
        _ => {
            let known = &["max", "mean", "sum"];
            return Err(ModelError::UnknownName { kind: "pooling", name: name.to_owned(), known });
        }
    };
    Ok(Arc::new(pool))
}
