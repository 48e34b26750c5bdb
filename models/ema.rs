//! An exponential moving average of the weights.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use rayon::prelude::*;

use crate::error::ModelError;
use crate::host_values::{with_values, with_values_mut};
use crate::params::{Group, Params};

/// The average of a [`Params`], held beside it by name and shape.
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    average: Params,
}

impl Ema {
    /// An average that starts at the weights of now. `decay` is in [0, 1).
    pub fn new(params: &Params, decay: f64) -> Result<Self, ModelError> {
        let mut average = Params::frozen(params.device());
        for param in params.iter() {
            average.add(param.name(), param.var(), Group::Frozen)?;
        }
        Ok(Self { decay, average })
    }

    /// Moves the average towards the weights after `step` (from 0).
    ///
    /// The decay is min(decay, (1+t)/(10+t)), t = updates before this one: without that ramp
    /// (TensorFlow's `num_updates`) a short training would return its own initial weights.
    pub fn update(&mut self, params: &Params, step: u64) -> Result<(), ModelError> {
        let t = step as f64;
        let decay = self.decay.min((1.0 + t) / (10.0 + t)) as f32;
        for (average, param) in self.average.iter().zip(params.iter()) {
            blend(average.var(), param.var(), decay)?;
        }
        Ok(())
    }

    /// The averaged weights by name: they load into the same network.
    pub fn to_map(&self) -> Result<BTreeMap<String, Tensor>, ModelError> {
        self.average.to_map()
    }

    /// Restores what [`Self::to_map`] gave, bit for bit.
    pub fn load(&mut self, weights: &BTreeMap<String, Tensor>) -> Result<(), ModelError> {
        self.average.load(weights)
    }
}

/// average ← decay·average + (1 − decay)·value, in place.
fn blend(average: &Var, value: &Tensor, decay: f32) -> candle_core::Result<()> {
    const CHUNK: usize = 1 << 14;
    if !average.device().is_cpu() {
        let (kept, added) = (f64::from(decay), 1.0 - f64::from(decay));
        let value = value.detach();
        return average.set(&((average.as_detached_tensor() * kept)? + (value * added)?)?);
    }
    with_values_mut(average, |averages| {
        with_values(value, |values| {
            averages.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(a, v)| {
                for (average, value) in a.iter_mut().zip(v) {
                    *average = decay * *average + (1.0 - decay) * value;
                }
            });
        })
    })
}

#[cfg(test)]
mod tests {
    use super::Ema;
    use crate::params::{Group, Params};
    use candle_core::{Device, Tensor};

    #[test]
    fn follows_with_a_ramped_decay() {
        let mut params = Params::new(&Device::Cpu);
        let zero = Tensor::new(&[0f32], &Device::Cpu).unwrap();
        params.add("w", &zero, Group::Decay).unwrap();
        let mut ema = Ema::new(&params, 0.5).unwrap();
        params.load(&[("w".to_owned(), (zero + 1.0).unwrap())].into()).unwrap();
        let value = |ema: &Ema| ema.to_map().unwrap()["w"].to_vec1::<f32>().unwrap()[0];
        assert!(value(&ema).abs() < 1e-12);
        ema.update(&params, 0).unwrap();
        assert!((value(&ema) - 0.9).abs() < 1e-6, "decay 1/10 at the first update");
        ema.update(&params, 100).unwrap();
        assert!((value(&ema) - 0.95).abs() < 1e-6, "decay 0.5 later");
    }
}
