//! The gradients of one training step, aligned with the parameters.

use candle_core::{Device, Result, Tensor, backprop::GradStore};
use rayon::prelude::*;

use crate::host_values::with_values;
use crate::params::Params;

/// One gradient per parameter of a [`Params`], in its order; `None` where the loss does not depend
/// on the parameter or the parameter is frozen.
///
/// The tensors hold no graph: candle's own gradients keep the whole forward pass alive until they
/// are detached (backprop.rs:182).
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    values: Vec<Option<Tensor>>,
}

impl Gradients {
    /// Takes the gradients of `params` out of a backward pass.
    pub fn take(params: &Params, store: &mut GradStore) -> Self {
        let values = params
            .iter()
            .map(|param| store.remove(param.var()).filter(|_| param.is_trained()))
            .map(|gradient| gradient.map(|gradient| gradient.detach()))
            .collect();
        Self { values }
    }

    /// The gradient of the parameter at position `at` in its [`Params`].
    pub fn at(&self, at: usize) -> Option<&Tensor> {
        self.values.get(at)?.as_ref()
    }

    /// The gradient of the parameter called `name`.
    pub fn named<'a>(&'a self, params: &Params, name: &str) -> Option<&'a Tensor> {
        self.at(params.iter().position(|param| param.name() == name)?)
    }

    /// Adds the gradients of another part of the same batch.
    pub fn accumulate(&mut self, other: Self) -> Result<()> {
        if self.values.is_empty() {
            *self = other;
            return Ok(());
        }
        for (sum, part) in self.values.iter_mut().zip(other.values) {
            *sum = match (sum.take(), part) {
                (Some(sum), Some(part)) => Some((sum + part)?),
                (sum, part) => sum.or(part),
            };
        }
        Ok(())
    }

    /// The Euclidean norm over all values of all gradients. Summed in f64 in a fixed order, so that
    /// it is the same at any thread count.
    pub fn global_norm(&self) -> Result<f64> {
        let mut squares = 0.0;
        for gradient in self.values.iter().flatten() {
            squares += on_host(gradient, sum_of_squares)?;
        }
        Ok(squares.sqrt())
    }
}

/// Names of the trained parameters that got no gradient, or only zeros: a cut in the graph. candle
/// cuts silently (several of its fused ops have no backward), so a trainer asks after step one.
pub fn dead_parameters(params: &Params, gradients: &Gradients) -> Result<Vec<String>> {
    let mut dead = vec![];
    for (at, param) in params.iter().enumerate().filter(|(_, param)| param.is_trained()) {
        let alive = match gradients.at(at) {
            Some(gradient) => on_host(gradient, |values| values.iter().any(|value| *value != 0.0))?,
            None => false,
        };
        if !alive {
            dead.push(param.name().to_owned());
        }
    }
    Ok(dead)
}

fn on_host<T>(gradient: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    with_values(&gradient.to_device(&Device::Cpu)?.contiguous()?, read)
}

/// In parallel by blocks of a fixed size, so that the order of summation is always the same.
fn sum_of_squares(values: &[f32]) -> f64 {
    const BLOCK: usize = 1 << 14;
    let blocks: Vec<f64> = values.par_chunks(BLOCK).map(sum_of_squares_in_block).collect();
    blocks.iter().sum()
}

fn sum_of_squares_in_block(values: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0f64; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest: f64 = blocks.remainder().iter().map(|&value| f64::from(value).powi(2)).sum();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::{Gradients, dead_parameters};
    use crate::params::{Group, Params};
    use candle_core::{Device, Tensor};

    #[test]
    fn sums_norms_and_dead_parameters() {
        let device = Device::Cpu;
        let mut params = Params::new(&device);
        let value = Tensor::new(&[3f32, 4.0], &device).unwrap();
        let a = params.add("a", &value, Group::Decay).unwrap();
        params.add("unused", &value, Group::Decay).unwrap();
        let zeroed = params.add("zeroed", &value, Group::NoDecay).unwrap();
        params.add("frozen", &value, Group::Frozen).unwrap();
        let gradients = || {
            let loss = (a.sqr().unwrap() * 0.5).unwrap().sum_all().unwrap();
            let loss = (loss + (&zeroed * 0.0).unwrap().sum_all().unwrap()).unwrap();
            Gradients::take(&params, &mut loss.backward().unwrap())
        };
        let mut sum = Gradients::default();
        sum.accumulate(gradients()).unwrap();
        assert!((sum.global_norm().unwrap() - 5.0).abs() < 1e-12);
        sum.accumulate(gradients()).unwrap();
        assert_eq!(sum.named(&params, "a").unwrap().to_vec1::<f32>().unwrap(), [6.0, 8.0]);
        assert_eq!(dead_parameters(&params, &sum).unwrap(), ["unused", "zeroed"]);
    }
}
