//! Low-rank adapters beside frozen linear layers (Hu et al. 2021): y = W·x + α/r · B·(A·x).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use candle_core::{DType, Result, Tensor};

use crate::error::{ModelError, ModelResult};
use crate::ops;
use crate::params::{Group, Param, Params};
use crate::stream::Stream;

/// Layers that get adapters of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraGroup {
    /// The layers, by the end of their names: `self_attn.q` is that layer of every block, base and
    /// VACE; `blocks.*.self_attn.q` of the base alone. `*` stands for one part between dots.
    pub targets: Vec<String>,
    /// Rank r.
    pub rank: usize,
    /// α; the adapter counts α/r times.
    pub alpha: f64,
}

/// A set of adapters, applied wherever a forward pass is given it. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Lora(Arc<BTreeMap<String, Adapter>>);

#[derive(Debug)]
struct Adapter {
    /// A, `[r, inputs]`.
    down: Tensor,
    /// B, `[outputs, r]`.
    up: Tensor,
    scale: f64,
}

impl Lora {
    /// Declares `<layer>.lora_A.weight` (Kaiming-uniform with slope √5, as PEFT) and
    /// `<layer>.lora_B.weight` (zeros, so that nothing changes at first) in `params` for every
    /// targeted linear layer of `base`. Loading weights of another rank or network into `params`
    /// fails with the names and both shapes.
    ///
    /// # Errors
    /// When a rank is 0, a target names no linear layer, or two groups claim the same one.
    pub fn new(
        groups: &[LoraGroup],
        base: &Params,
        params: &mut Params,
        seed: u64,
    ) -> ModelResult<Self> {
        Self::under("", groups, base, (params, seed))
    }

    /// As [`Lora::new`], with `prefix` before every name in `params`, so that several sets of
    /// adapters on the same layers have room in one set of parameters.
    ///
    /// # Errors
    /// As [`Lora::new`].
    pub fn under(
        prefix: &str,
        groups: &[LoraGroup],
        base: &Params,
        (params, seed): (&mut Params, u64),
    ) -> ModelResult<Self> {
        let mut adapters = BTreeMap::new();
        for group in groups {
            if group.rank == 0 {
                return Err(bad("rank", &0, "must be at least 1"));
            }
            for target in &group.targets {
                let layers = base.iter().filter_map(linear_layer);
                let layers: Vec<_> = layers.filter(|(name, _)| matches(target, name)).collect();
                if layers.is_empty() {
                    let expected = "must be the end of a linear layer's name, as `self_attn.q` is";
                    return Err(bad("targets", target, expected));
                }
                for (name, shape) in layers {
                    if adapters.contains_key(name) {
                        return Err(bad("targets", &name, "must be adapted by one target only"));
                    }
                    let declared = format!("{prefix}{name}");
                    let adapter = Adapter::new(&declared, (group, shape), params, seed)?;
                    adapters.insert(name.to_owned(), adapter);
                }
            }
        }
        Ok(Self(Arc::new(adapters)))
    }

    /// The adapted layers, in alphabetical order.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Adds α/r·B·A to the weights in `base`, after which the network gives the same without the
    /// adapters as it gave with them.
    ///
    /// # Errors
    /// When `base` lacks a layer or has it in another shape; nothing is changed then.
    pub fn merge_into(&self, base: &Params) -> ModelResult<()> {
        let (mut missing, mut misshaped, mut merged) = (vec![], vec![], vec![]);
        for (name, adapter) in self.0.iter() {
            let name = format!("{name}.weight");
            let expected = [adapter.up.dims()[0], adapter.down.dims()[1]];
            match base.get(&name) {
                None => missing.push(name),
                Some(param) if param.var().dims() != expected => {
                    let found = param.var().dims();
                    misshaped.push(format!("{name}: expected {expected:?}, found {found:?}"));
                }
                Some(param) => merged.push((param, adapter)),
            }
        }
        if !missing.is_empty() || !misshaped.is_empty() {
            return Err(ModelError::WeightMismatch { missing, unexpected: vec![], misshaped });
        }
        for (param, adapter) in merged {
            let change = (adapter.up.detach().matmul(&adapter.down.detach())? * adapter.scale)?;
            let (var, weight) = (param.var(), param.var().as_detached_tensor());
            let merged = (weight.to_dtype(DType::F32)? + change)?;
            var.set(&merged.to_dtype(var.dtype())?)?;
        }
        Ok(())
    }

    /// Whether the layer called `layer` has an adapter.
    pub(crate) fn adapts(&self, layer: &str) -> bool {
        self.0.contains_key(layer)
    }

    /// `y`, the output of the layer called `layer` for `x`, with its adapter's part added.
    pub(crate) fn apply(&self, layer: &str, x: &Tensor, y: Tensor) -> Result<Tensor> {
        let Some(adapter) = self.0.get(layer) else { return Ok(y) };
        // The factor goes to the narrow side, where it costs least.
        let narrow = (ops::linear(x, &adapter.down, None)? * adapter.scale)?;
        ops::add(&y, &ops::linear(&narrow, &adapter.up, None)?)
    }

    /// The trained tensors of the layers whose names begin with `prefix`.
    pub(crate) fn trained_under(&self, prefix: &str) -> impl Iterator<Item = &Tensor> {
        let within = self.0.iter().filter(move |(name, _)| name.starts_with(prefix));
        within.flat_map(|(_, adapter)| [&adapter.down, &adapter.up]).filter(|at| at.track_op())
    }

    /// Whether both are the same set of adapters.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Adapter {
    fn new(
        name: &str,
        (group, [outputs, inputs]): (&LoraGroup, [usize; 2]),
        params: &mut Params,
        seed: u64,
    ) -> ModelResult<Self> {
        let (rank, device) = (group.rank, params.device().clone());
        let down = format!("{name}.lora_A.weight");
        // He et al. 2015 with slope √5: √(6/((1 + 5)·inputs)).
        let bound = 1.0 / (inputs as f32).sqrt();
        let mut stream = Stream::new(seed, &format!("init/{down}"), 0);
        let value = stream.uniform_tensor((rank, inputs), bound, &device)?;
        let down = params.add(&down, &value, Group::Decay)?;
        let zeros = Tensor::zeros((outputs, rank), DType::F32, &device)?;
        let up = params.add(&format!("{name}.lora_B.weight"), &zeros, Group::Decay)?;
        Ok(Self { down, up, scale: group.alpha / rank as f64 })
    }
}

/// The name of a linear layer and the shape of its weight, told by its parameter.
fn linear_layer(param: &Param) -> Option<(&str, [usize; 2])> {
    let layer = param.name().strip_suffix(".weight")?;
    Some((layer, param.var().dims().try_into().ok()?))
}

/// Whether `target` is the end of `name`, part by part.
fn matches(target: &str, name: &str) -> bool {
    let mut parts = name.rsplit('.');
    target
        .rsplit('.')
        .all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
}

fn bad(setting: &'static str, got: &dyn Display, expected: &str) -> ModelError {
    ModelError::BadSetting { setting, got: got.to_string(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Lora, LoraGroup, matches};
    use crate::params::{Group, Params};
    use crate::stream::Stream;
    use candle_core::{Device, Tensor};

    const LAYERS: [&str; 3] = ["blocks.0.attn.q", "blocks.0.ffn", "more_blocks.0.attn.q"];

    fn base() -> Params {
        let mut params = Params::new(&Device::Cpu);
        for name in LAYERS {
            let value = Stream::new(1, name, 0).normal_tensor((4, 3), 1.0, &Device::Cpu).unwrap();
            params.add(&format!("{name}.weight"), &value, Group::Decay).unwrap();
            params.add(&format!("{name}.bias"), &value.get(0).unwrap(), Group::NoDecay).unwrap();
        }
        params
    }

    fn group(target: &str) -> LoraGroup {
        LoraGroup { targets: vec![target.to_owned()], rank: 2, alpha: 6.0 }
    }

    #[test]
    fn targets_are_ends_of_names() {
        assert!(matches("attn.q", LAYERS[0]) && matches("attn.q", LAYERS[2]));
        assert!(matches("blocks.*.attn.q", LAYERS[0]) && !matches("blocks.*.attn.q", LAYERS[2]));
        assert!(!matches("tn.q", LAYERS[0]) && !matches("x.blocks.0.ffn", LAYERS[1]));
    }

    #[test]
    fn merged_weights_give_what_the_adapters_gave() {
        let (base, mut params) = (base(), Params::new(&Device::Cpu));
        let lora = Lora::new(&[group("attn.q")], &base, &mut params, 1).unwrap();
        assert_eq!(lora.layers().collect::<Vec<_>>(), [LAYERS[0], LAYERS[2]]);
        for param in params.iter() {
            let value = Stream::new(2, param.name(), 0);
            let value = value.clone().normal_tensor(param.var().shape(), 1.0, &Device::Cpu);
            param.var().set(&value.unwrap()).unwrap();
        }
        let x = Stream::new(3, "x", 0).normal_tensor((5, 3), 1.0, &Device::Cpu).unwrap();
        let weight = base.get("blocks.0.attn.q.weight").unwrap().var();
        let plain = || x.matmul(&weight.as_detached_tensor().t().unwrap()).unwrap();
        let adapted = lora.apply(LAYERS[0], &x, plain()).unwrap();
        lora.merge_into(&base).unwrap();
        let difference = (plain() - adapted).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-5);
    }

    #[test]
    fn weights_of_another_rank_are_named_with_both_shapes() {
        let (base, mut params) = (base(), Params::new(&Device::Cpu));
        Lora::new(&[group("blocks.0.ffn")], &base, &mut params, 1).unwrap();
        let mut other = Params::new(&Device::Cpu);
        let wide = LoraGroup { rank: 3, ..group("blocks.0.ffn") };
        Lora::new(&[wide], &base, &mut other, 1).unwrap();
        let text = params.load(&other.to_map().unwrap()).unwrap_err().to_string();
        let expected = "`blocks.0.ffn.lora_A.weight: expected [2, 3], found [3, 3]`";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn merging_into_another_network_changes_nothing() {
        let (base, mut params) = (base(), Params::new(&Device::Cpu));
        let lora = Lora::new(&[group("attn.q")], &base, &mut params, 1).unwrap();
        let mut other = Params::new(&Device::Cpu);
        let value = Tensor::new(&[[1f32, 2.0]], &Device::Cpu).unwrap();
        other.add("blocks.0.attn.q.weight", &value, Group::Decay).unwrap();
        let text = lora.merge_into(&other).unwrap_err().to_string();
        assert_eq!(
            text,
            "the weights do not fit the network: missing `more_blocks.0.attn.q.weight`; misshaped \
             `blocks.0.attn.q.weight: expected [4, 3], found [1, 2]`"
        );
    }

    #[test]
    fn groups_that_claim_nothing_or_the_same_are_refused() {
        let message = |groups: &[LoraGroup]| {
            let mut params = Params::new(&Device::Cpu);
            Lora::new(groups, &base(), &mut params, 1).unwrap_err().to_string()
        };
        assert!(message(&[group("attn.k")]).starts_with("`targets` is attn.k, but must be"));
        let none = LoraGroup { rank: 0, ..group("ffn") };
        assert_eq!(message(&[none]), "`rank` is 0, but must be at least 1");
        let twice = message(&[group("attn.q"), group("blocks.0.attn.q")]);
        assert_eq!(twice, "`targets` is blocks.0.attn.q, but must be adapted by one target only");
    }
}
