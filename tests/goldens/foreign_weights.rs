//! Weights of networks that only the goldens have, by the names of their own code.

use std::collections::BTreeMap;

use candle_core::{D, Tensor, Var};
use ffrun_models::ops;

use super::Result;

/// Trained weights by name.
pub(super) struct ForeignWeights(BTreeMap<String, Var>);

impl ForeignWeights {
    pub(super) fn new(values: BTreeMap<String, Tensor>) -> Result<Self> {
        let mut weights = BTreeMap::new();
        for (name, value) in values {
            weights.insert(name, Var::from_tensor(&value)?);
        }
        Ok(Self(weights))
    }

    pub(super) fn get(&self, name: &str) -> Result<Tensor> {
        let found = self.0.get(name).map(|var| var.as_tensor().clone());
        Ok(found.ok_or(format!("no weight `{name}`"))?)
    }

    /// All of them, for their gradients.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.0.iter().map(|(name, var)| (name.as_str(), var))
    }

    pub(super) fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) =
            (self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?);
        // The kernel of a convolution with stride and size alike is a matrix, too.
        Ok(ops::linear(x, &weight.flatten_from(1)?, Some(&bias))?)
    }

    pub(super) fn layer_norm(&self, name: &str, x: &Tensor, eps: f32) -> Result<Tensor> {
        let (weight, bias) =
            (self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?);
        Ok(ops::layer_norm(x, &weight, &bias, eps)?)
    }
}

/// x·(1 + scale) + shift, rows `[B, D]` for all tokens.
pub(super) fn modulated(x: &Tensor, shift: &Tensor, scale: &Tensor) -> Result<Tensor> {
    let scale = (scale + 1.0)?.unsqueeze(1)?;
    Ok(x.broadcast_mul(&scale)?.broadcast_add(&shift.unsqueeze(1)?)?)
}

/// x + gate·part, one row of gates `[B, D]` for all tokens.
pub(super) fn gated(x: &Tensor, part: &Tensor, gate: &Tensor) -> Result<Tensor> {
    Ok((x + part.broadcast_mul(&gate.unsqueeze(1)?)?)?)
}

/// Equal parts of the last dimension.
pub(super) fn chunks<const N: usize>(x: &Tensor) -> Result<[Tensor; N]> {
    let mut parts = vec![];
    for part in x.chunk(N, D::Minus1)? {
        parts.push(part.contiguous()?);
    }
    Ok(parts.try_into().map_err(|_| "rows that cannot be divided")?)
}
