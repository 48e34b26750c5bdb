//! AdamW with parameter groups, gradient clipping and a state that can be saved.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device, Tensor};

use crate::error::ModelError;
use crate::fused_adamw::{self, Coefficients};
use crate::gradients::Gradients;
use crate::params::{Group, Param, Params};

/// The settings of [`AdamW`].
#[derive(Clone, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay of [`Group::Decay`].
    pub weight_decay: f64,
    /// Largest global gradient norm; longer gradients are scaled down to it. 0 = no clipping.
    pub clip: f64,
    /// Exceptions for parameters by prefix of their names; the longest prefix wins.
    pub rules: Vec<GroupRule>,
}

impl Default for AdamWConfig {
    /// PyTorch's defaults, without clipping.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, clip: 0.0, rules: vec![] }
    }
}

/// Another learning rate or weight decay for some parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRule {
    /// What their names start with, e.g. `dictionary`.
    pub prefix: String,
    /// Factor on the learning rate.
    pub lr_factor: f64,
    /// Weight decay in place of the optimiser's, for the [`Group::Decay`] parameters among them.
    pub weight_decay: Option<f64>,
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Global gradient norm before clipping.
    pub gradient_norm: f64,
    /// Whether the gradient was scaled down.
    pub clipped: bool,
}

/// AdamW (Loshchilov & Hutter 2019) as `torch.optim.AdamW` computes it. The learning rate is given
/// at every step, so the optimiser holds no schedule.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    step: u64,
    /// First and second moments, aligned with the parameters; `None` for frozen ones.
    moments: Vec<Option<(Tensor, Tensor)>>,
}

impl AdamW {
    /// An optimiser of `params` before its first step.
    pub fn new(params: &Params, config: AdamWConfig) -> Result<Self, ModelError> {
        Self::except(params, config, &BTreeSet::new())
    }

    /// An optimiser of all `params` but those named in `others`, which another optimiser moves.
    pub fn except(
        params: &Params,
        config: AdamWConfig,
        others: &BTreeSet<String>,
    ) -> Result<Self, ModelError> {
        let moments = params
            .iter()
            .map(|param| match param.group() {
                _ if others.contains(param.name()) => Ok(None),
                Group::Frozen => Ok(None),
                Group::Decay | Group::NoDecay => Ok(Some((
                    param.var().zeros_like()?.detach(),
                    param.var().zeros_like()?.detach(),
                ))),
            })
            .collect::<Result<_, ModelError>>()?;
        Ok(Self { config, step: 0, moments })
    }

    /// Moves the parameters one step of learning rate `lr` along `gradients`. A parameter without a
    /// gradient is left alone, as in PyTorch.
    pub fn step(
        &mut self,
        params: &Params,
        gradients: &Gradients,
        lr: f64,
    ) -> Result<StepReport, ModelError> {
        let gradient_norm = gradients.global_norm()?;
        let clipped = self.config.clip > 0.0 && gradient_norm > self.config.clip;
        let gradient_scale = if clipped { self.config.clip / gradient_norm } else { 1.0 };
        self.step += 1;
        for (at, param) in params.iter().enumerate() {
            let (Some(Some((m, v))), Some(gradient)) = (self.moments.get(at), gradients.at(at))
            else {
                continue;
            };
            let coefficients = self.coefficients(param, lr, gradient_scale);
            fused_adamw::update(param.var(), gradient, (m, v), &coefficients)?;
        }
        Ok(StepReport { gradient_norm, clipped })
    }

    /// Steps made so far.
    pub fn steps_made(&self) -> u64 {
        self.step
    }

    /// The state by name (`adamw.step`, `adamw.m.<name>`, `adamw.v.<name>`), to be saved beside the
    /// weights.
    pub fn to_map(&self, params: &Params) -> Result<BTreeMap<String, Tensor>, ModelError> {
        let step = Tensor::new(self.step as i64, &Device::Cpu)?;
        let mut map = BTreeMap::from([(STEP.to_owned(), step)]);
        for (param, moments) in params.iter().zip(&self.moments) {
            if let Some((m, v)) = moments {
                map.insert(first_moment(param), m.copy()?);
                map.insert(second_moment(param), v.copy()?);
            }
        }
        Ok(map)
    }

    /// Restores what [`Self::to_map`] gave, bit for bit. Nothing is changed unless names and shapes
    /// agree exactly.
    pub fn load(
        &mut self,
        params: &Params,
        state: &BTreeMap<String, Tensor>,
    ) -> Result<(), ModelError> {
        let mut slots = Params::new(params.device());
        for (name, tensor) in self.to_map(params)? {
            if name != STEP {
                slots.add(&name, &tensor, Group::Frozen)?;
            }
        }
        let mut moments = state.clone();
        let step = moments.remove(STEP).ok_or_else(|| ModelError::WeightMismatch {
            missing: vec![STEP.to_owned()],
            unexpected: vec![],
            misshaped: vec![],
        })?;
        slots.load(&moments)?;
        self.step = step.to_dtype(DType::I64)?.to_scalar::<i64>()?.max(0) as u64;
        let value = |name: &str| slots.get(name).map(|slot| slot.var().as_detached_tensor());
        for (param, held) in params.iter().zip(&mut self.moments) {
            *held = value(&first_moment(param)).zip(value(&second_moment(param)));
        }
        Ok(())
    }

    fn coefficients(&self, param: &Param, lr: f64, gradient_scale: f64) -> Coefficients {
        let config = &self.config;
        let rule = config
            .rules
            .iter()
            .filter(|rule| param.name().starts_with(&rule.prefix))
            .max_by_key(|rule| rule.prefix.len());
        let lr = lr * rule.map_or(1.0, |rule| rule.lr_factor);
        let weight_decay = match param.group() {
            Group::Decay => rule.and_then(|rule| rule.weight_decay).unwrap_or(config.weight_decay),
            Group::NoDecay | Group::Frozen => 0.0,
        };
        let steps = self.step as f64;
        Coefficients {
            gradient_scale: gradient_scale as f32,
            keep: (1.0 - lr * weight_decay) as f32,
            beta1: config.beta1 as f32,
            gain1: (1.0 - config.beta1) as f32,
            beta2: config.beta2 as f32,
            gain2: (1.0 - config.beta2) as f32,
            eps: config.eps as f32,
            step_size: (lr / (1.0 - config.beta1.powf(steps))) as f32,
            inverse_root_correction: (1.0 / (1.0 - config.beta2.powf(steps)).sqrt()) as f32,
        }
    }
}

const STEP: &str = "adamw.step";

fn first_moment(param: &Param) -> String {
    format!("adamw.m.{}", param.name())
}

fn second_moment(param: &Param) -> String {
    format!("adamw.v.{}", param.name())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{AdamW, AdamWConfig, GroupRule};
    use crate::gradients::Gradients;
    use crate::params::{Group, Params};

    #[test]
    fn steps_equal_pytorch() {
        // o = torch.optim.AdamW([{"params": [w], "weight_decay": 0.1},
        //                        {"params": [b], "weight_decay": 0.0, "lr": 0.05}], lr=0.1)
        // three times: ((w ** 3).sum() + 4 * b.sum()).backward(); clip_grad_norm_(…, 5.0); o.step()
        let device = Device::Cpu;
        let mut params = Params::new(&device);
        let value = |values: &[f32]| Tensor::new(values, &device).unwrap();
        let w = params.add("w", &value(&[1.0, -2.0, 3.0]), Group::Decay).unwrap();
        let b = params.add("layer.b", &value(&[0.5]), Group::NoDecay).unwrap();
        let rule = |prefix: &str, lr_factor| GroupRule {
            prefix: prefix.into(),
            lr_factor,
            weight_decay: None,
        };
        let rules = vec![rule("layer.b", 0.5), rule("layer", 7.0)];
        let config = AdamWConfig { weight_decay: 0.1, clip: 5.0, rules, ..AdamWConfig::default() };
        let mut optimizer = AdamW::new(&params, config).unwrap();
        let mut norm = 0.0;
        for _ in 0..3 {
            let cubes = w.powf(3.0).unwrap().sum_all().unwrap();
            let loss = (cubes + (b.sum_all().unwrap() * 4.0).unwrap()).unwrap();
            let gradients = Gradients::take(&params, &mut loss.backward().unwrap());
            let report = optimizer.step(&params, &gradients, 0.1).unwrap();
            assert!(report.clipped);
            norm = report.gradient_norm;
        }
        assert!((norm - 26.894_968).abs() < 1e-4, "{norm}");
        let expected = [0.676_598_6, -2.238_069_5, 2.614_274, 0.349_807_23];
        let found = Tensor::cat(&[&w, &b], 0).unwrap().to_vec1::<f32>().unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn a_state_of_other_parameters_is_refused() {
        let mut params = Params::new(&Device::Cpu);
        params.add("w", &Tensor::new(1f32, &Device::Cpu).unwrap(), Group::Decay).unwrap();
        let mut optimizer = AdamW::new(&params, AdamWConfig::default()).unwrap();
        let mut state = optimizer.to_map(&params).unwrap();
        state.remove("adamw.v.w");
        let error = optimizer.load(&params, &state).unwrap_err().to_string();
        assert_eq!(error, "the weights do not fit the network: missing `adamw.v.w`");
    }
}
