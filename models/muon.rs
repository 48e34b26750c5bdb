//! Muon: momentum whose direction is made orthogonal, for the matrices inside a transformer.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{Result, Tensor};

use crate::error::ModelError;
use crate::gradients::Gradients;
use crate::ops;
use crate::params::{Param, Params};

/// The settings of [`Muon`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MuonConfig {
    /// Decay of the momentum.
    pub momentum: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Default for MuonConfig {
    /// The values of Jordan et al. (2024), without weight decay.
    fn default() -> Self {
        Self { momentum: 0.95, weight_decay: 0.0 }
    }
}

/// Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers"): each matrix moves along the
/// orthogonal matrix nearest to its Nesterov momentum, so that all its directions are learnt at
/// one pace. Everything else is left to [`crate::optim::AdamW`].
#[derive(Debug)]
pub struct Muon {
    config: MuonConfig,
    /// Momentum by name of the matrices it moves.
    momenta: BTreeMap<String, Tensor>,
}

impl Muon {
    /// Muon for the trained matrices among `params` that `takes` chooses.
    pub fn new(
        params: &Params,
        config: MuonConfig,
        takes: impl Fn(&Param) -> bool,
    ) -> Result<Self> {
        let chosen = params
            .iter()
            .filter(|param| param.is_trained() && param.var().rank() == 2 && takes(param));
        let momenta = chosen
            .map(|param| Ok((param.name().to_owned(), param.var().zeros_like()?.detach())))
            .collect::<Result<_>>()?;
        Ok(Self { config, momenta })
    }

    /// Names of the matrices it moves: those that no other optimiser may touch.
    pub fn names(&self) -> BTreeSet<String> {
        self.momenta.keys().cloned().collect()
    }

    /// Moves its matrices one step of learning rate `lr` along `gradients`.
    ///
    /// The step has spectral norm lr·√max(1, rows/columns).
    pub fn step(&mut self, params: &Params, gradients: &Gradients, lr: f64) -> Result<()> {
        let beta = self.config.momentum;
        for (at, param) in params.iter().enumerate() {
            let (Some(momentum), Some(gradient)) =
                (self.momenta.get_mut(param.name()), gradients.at(at))
            else {
                continue;
            };
            *momentum = ((&*momentum * beta)? + gradient)?.detach();
            let nesterov = (gradient + (&*momentum * beta)?)?.detach();
            let (rows, columns) = nesterov.dims2()?;
            let scale = lr * (rows as f64 / columns as f64).max(1.0).sqrt();
            let step = (orthogonal(&nesterov)? * scale)?;
            let kept = (param.var().as_detached_tensor() * (1.0 - lr * self.config.weight_decay))?;
            param.var().set(&(kept - step)?)?;
        }
        Ok(())
    }

    /// The state by name (`muon.<name>`).
    pub fn to_map(&self) -> Result<BTreeMap<String, Tensor>> {
        let copy =
            |(name, momentum): (&String, &Tensor)| Ok((format!("muon.{name}"), momentum.copy()?));
        self.momenta.iter().map(copy).collect()
    }

    /// Restores what [`Self::to_map`] gave, bit for bit.
    ///
    /// # Errors
    /// [`ModelError::WeightMismatch`] when a momentum is missing.
    pub fn load(
        &mut self,
        state: &BTreeMap<String, Tensor>,
    ) -> std::result::Result<(), ModelError> {
        let names = self.momenta.keys().map(|name| format!("muon.{name}"));
        let missing: Vec<String> = names.filter(|name| !state.contains_key(name)).collect();
        if !missing.is_empty() {
            return Err(ModelError::WeightMismatch {
                missing,
                unexpected: vec![],
                misshaped: vec![],
            });
        }
        for (name, momentum) in &mut self.momenta {
            *momentum = state[&format!("muon.{name}")].to_device(momentum.device())?.copy()?;
        }
        Ok(())
    }
}

/// About the orthogonal matrix nearest to `m`: five Newton–Schulz steps of the quintic whose
/// coefficients bring singular values from (0, 1] near 1 fastest (Jordan et al. 2024); they end
/// between 0.7 and 1.2.
///
/// # Shapes
/// - m, output: `[R, C]`
fn orthogonal(m: &Tensor) -> Result<Tensor> {
    const STEPS: usize = 5;
    const COEFFICIENTS: [f64; 3] = [3.4445, -4.775, 2.0315];
    let [a, b, c] = COEFFICIENTS;
    let (rows, columns) = m.dims2()?;
    let tall = rows > columns;
    let m = if tall { m.t()?.contiguous()? } else { m.contiguous()? };
    let norm = m.sqr()?.sum_all()?.sqrt()?;
    let mut x = m.broadcast_div(&(norm + 1e-7)?)?;
    for _ in 0..STEPS {
        // `linear(x, w)` is x·wᵀ, and the Gram matrix is its own transpose.
        let gram = ops::linear(&x, &x, None)?;
        let poly = ((&gram * b)? + (ops::linear(&gram, &gram, None)? * c)?)?;
        x = ((&x * a)? + ops::linear(&poly, &x.t()?.contiguous()?, None)?)?;
    }
    if tall { x.t()?.contiguous() } else { Ok(x) }
}

#[cfg(test)]
mod tests {
    use super::{Muon, MuonConfig, orthogonal};
    use crate::gradients::Gradients;
    use crate::params::{Group, Params};
    use crate::stream::Stream;
    use candle_core::{Device, Tensor};

    #[test]
    fn directions_come_out_orthogonal_whatever_their_lengths() {
        let device = Device::Cpu;
        for shape in [(6, 6), (6, 17), (17, 6)] {
            let m = Stream::new(3, "test/muon", 0).normal_tensor(shape, 1.0, &device).unwrap();
            let x = orthogonal(&(m * 1e-3).unwrap()).unwrap();
            let wide = if shape.0 > shape.1 { x.t().unwrap() } else { x };
            let gram = wide.matmul(&wide.t().unwrap()).unwrap().to_vec2::<f32>().unwrap();
            for (i, row) in gram.iter().enumerate() {
                // Singular values within 0.6 … 1.25 have squares within 0.36 … 1.6.
                assert!((0.36..1.6).contains(&row[i]), "{row:?}");
                assert!(row.iter().enumerate().all(|(j, v)| i == j || v.abs() < 0.4), "{row:?}");
            }
        }
    }

    #[test]
    fn a_step_moves_its_matrices_only_and_the_state_continues_exactly() {
        let device = Device::Cpu;
        let mut params = Params::new(&device);
        let draw = |of: &str| Stream::new(1, of, 0).normal_tensor((4, 6), 1.0, &device).unwrap();
        let inner = params.add("blocks.0.q", &draw("a"), Group::Decay).unwrap();
        let outer = params.add("head", &draw("b"), Group::Decay).unwrap();
        let takes = |param: &crate::params::Param| param.name().starts_with("blocks.");
        let mut muon = Muon::new(&params, MuonConfig::default(), takes).unwrap();
        assert_eq!(muon.names().into_iter().collect::<Vec<_>>(), ["blocks.0.q"]);
        let step = |muon: &mut Muon| {
            let loss = (inner.sqr().unwrap() + outer.sqr().unwrap()).unwrap().sum_all().unwrap();
            let found = Gradients::take(&params, &mut loss.backward().unwrap());
            muon.step(&params, &found, 0.1).unwrap();
        };
        let before = outer.to_vec2::<f32>().unwrap();
        step(&mut muon);
        assert_eq!(outer.to_vec2::<f32>().unwrap(), before);
        let (state, weights) = (muon.to_map().unwrap(), params.to_map().unwrap());
        step(&mut muon);
        let straight = inner.to_vec2::<f32>().unwrap();
        params.load(&weights).unwrap();
        let mut again = Muon::new(&params, MuonConfig::default(), takes).unwrap();
        again.load(&state).unwrap();
        step(&mut again);
        assert_eq!(inner.to_vec2::<f32>().unwrap(), straight);
        assert!(again.load(&std::collections::BTreeMap::default()).is_err());
        let moved = Tensor::new(straight, &device).unwrap();
        assert!(moved.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap() < 24.0 * 4.0);
    }
}
