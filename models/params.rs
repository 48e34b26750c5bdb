//! The named parameters of a network, in the order in which the network declares them.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};

use crate::error::ModelError;

/// How the optimiser treats a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Trained, with weight decay: matrices.
    Decay,
    /// Trained, without weight decay: biases, norms, temperatures.
    NoDecay,
    /// Not trained. Its handle is a plain tensor, so no graph is recorded through it.
    Frozen,
}

/// One named parameter.
#[derive(Debug)]
pub struct Param {
    name: String,
    var: Var,
    group: Group,
}

impl Param {
    /// Its full name, e.g. `tokenizer.blocks.0.attn.q.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The variable that holds its value.
    pub fn var(&self) -> &Var {
        &self.var
    }

    /// How the optimiser treats it.
    pub fn group(&self) -> Group {
        self.group
    }

    /// Whether the optimiser moves it.
    pub fn is_trained(&self) -> bool {
        self.group != Group::Frozen
    }
}

/// An ordered set of named parameters. Networks take handles (tensors that share storage with the
/// set) at construction, so a later [`Params::load`] or optimiser step is seen by them at once.
#[derive(Debug)]
pub struct Params {
    device: Device,
    entries: Vec<Param>,
    index: BTreeMap<String, usize>,
    trained: Trained,
    /// Type of what is declared in [`Group::Decay`].
    matrices: DType,
}

/// Which parameters are trained, if the network asks for it.
#[derive(Clone, Debug)]
enum Trained {
    All,
    None,
    /// Those whose names begin like one of these.
    Under(Vec<String>),
}

impl Params {
    /// An empty set whose parameters will live on `device`.
    pub fn new(device: &Device) -> Self {
        let (entries, index) = (vec![], BTreeMap::new());
        Self { device: device.clone(), entries, index, trained: Trained::All, matrices: DType::F32 }
    }

    /// An empty set in which every parameter is [`Group::Frozen`], whatever the network asks for:
    /// a network built on it records no graph.
    pub fn frozen(device: &Device) -> Self {
        Self { trained: Trained::None, ..Self::new(device) }
    }

    /// An empty set in which every parameter is [`Group::Frozen`] but those whose names begin like
    /// one of `prefixes`, part by part between dots; `*` stands for any one part.
    pub fn partly_frozen(device: &Device, prefixes: &[String]) -> Self {
        Self { trained: Trained::Under(prefixes.to_vec()), ..Self::new(device) }
    }

    /// As [`Params::frozen`], with all matrices ([`Group::Decay`]) kept in `matrices`: BF16 halves
    /// what a large network takes. Products with them are computed in that type, all else in f32.
    pub fn frozen_in(matrices: DType, device: &Device) -> Self {
        Self { matrices, ..Self::frozen(device) }
    }

    /// Those parameters of several sets that `keep` takes, as one set that shares their storage: what
    /// an optimiser moves and a checkpoint holds where only parts of networks are trained.
    ///
    /// # Errors
    /// When two sets have a parameter of the same name.
    pub fn gathered(sets: &[&Self], keep: &dyn Fn(&Param) -> bool) -> Result<Self, ModelError> {
        let device = sets.first().map_or(Device::Cpu, |set| set.device.clone());
        let mut all = Self::new(&device);
        for param in sets.iter().flat_map(|set| &set.entries).filter(|param| keep(param)) {
            let Param { name, var, group } = param;
            if all.index.insert(name.clone(), all.entries.len()).is_some() {
                return Err(ModelError::DuplicateParameter { name: name.clone() });
            }
            all.entries.push(Param { name: name.clone(), var: var.clone(), group: *group });
        }
        Ok(all)
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Declares a parameter with its initial value (kept in f32, but see [`Params::frozen_in`]) and
    /// returns the network's handle.
    pub fn add(&mut self, name: &str, value: &Tensor, group: Group) -> Result<Tensor, ModelError> {
        if self.index.contains_key(name) {
            return Err(ModelError::DuplicateParameter { name: name.to_owned() });
        }
        let dtype = if group == Group::Decay { self.matrices } else { DType::F32 };
        let value = value.to_device(&self.device)?.to_dtype(dtype)?.contiguous()?;
        let var = Var::from_tensor(&value.copy()?)?;
        let trained = match &self.trained {
            Trained::All => true,
            Trained::None => false,
            Trained::Under(prefixes) => prefixes.iter().any(|prefix| begins_like(name, prefix)),
        };
        let group = if trained { group } else { Group::Frozen };
        let handle = match group {
            Group::Frozen => var.as_detached_tensor(),
            Group::Decay | Group::NoDecay => var.as_tensor().clone(),
        };
        self.index.insert(name.to_owned(), self.entries.len());
        self.entries.push(Param { name: name.to_owned(), var, group });
        Ok(handle)
    }

    /// The parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.index.get(name).map(|&at| &self.entries[at])
    }

    /// All parameters in the order of declaration.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.entries.iter()
    }

    /// Number of parameters (tensors, not values).
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was declared.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of trained values.
    pub fn trained_values(&self) -> usize {
        self.iter().filter(|param| param.is_trained()).map(|param| param.var.elem_count()).sum()
    }

    /// Overwrites every parameter. Nothing is changed unless names and shapes agree exactly.
    pub fn load(&self, weights: &BTreeMap<String, Tensor>) -> Result<(), ModelError> {
        self.check(weights)?;
        for (name, value) in weights {
            if let Some(param) = self.get(name) {
                let value = value.to_device(&self.device)?.to_dtype(param.var.dtype())?;
                // `copy` also makes `set` legal when the weights came from this very set.
                param.var.set(&value.copy()?)?;
            }
        }
        Ok(())
    }

    /// Copies of all values by name.
    pub fn to_map(&self) -> Result<BTreeMap<String, Tensor>, ModelError> {
        self.iter()
            .map(|param| Ok((param.name.clone(), param.var.as_detached_tensor().copy()?)))
            .collect()
    }

    fn check(&self, weights: &BTreeMap<String, Tensor>) -> Result<(), ModelError> {
        let absent = |param: &&Param| !weights.contains_key(param.name());
        let missing: Vec<_> = self.iter().filter(absent).map(|param| param.name.clone()).collect();
        let unexpected: Vec<_> =
            weights.keys().filter(|name| self.get(name).is_none()).cloned().collect();
        let misshaped: Vec<_> = self
            .iter()
            .filter_map(|param| {
                let (expected, found) = (param.var.dims(), weights.get(&param.name)?.dims());
                (expected != found)
                    .then(|| format!("{}: expected {expected:?}, found {found:?}", param.name))
            })
            .collect();
        if missing.is_empty() && unexpected.is_empty() && misshaped.is_empty() {
            return Ok(());
        }
        Err(ModelError::WeightMismatch { missing, unexpected, misshaped })
    }
}

fn begins_like(name: &str, prefix: &str) -> bool {
    let mut parts = name.split('.');
    prefix.split('.').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
}

#[cfg(test)]
mod tests {
    use super::{Group, Param, Params};
    use candle_core::{Device, Tensor};

    fn set() -> (Params, Tensor) {
        let mut params = Params::new(&Device::Cpu);
        let ones = Tensor::new(&[1f32, 1.0], &Device::Cpu).unwrap();
        let handle = params.add("b", &ones, Group::Decay).unwrap();
        params.add("a", &ones, Group::Frozen).unwrap();
        (params, handle)
    }

    #[test]
    fn handles_see_what_is_loaded() {
        let (params, handle) = set();
        let twos = Tensor::new(&[2f32, 2.0], &Device::Cpu).unwrap();
        params.load(&[("a".into(), twos.clone()), ("b".into(), twos)].into()).unwrap();
        assert_eq!(handle.to_vec1::<f32>().unwrap(), [2.0, 2.0]);
        params.load(&params.to_map().unwrap()).unwrap();
    }

    #[test]
    fn order_is_the_order_of_declaration() {
        let (params, _) = set();
        assert_eq!(params.iter().map(Param::name).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(params.trained_values(), 2);
    }

    #[test]
    fn weights_that_do_not_fit_change_nothing() {
        let (params, handle) = set();
        let three = Tensor::new(&[0f32, 0.0, 0.0], &Device::Cpu).unwrap();
        let error = params.load(&[("b".into(), three.clone()), ("c".into(), three)].into());
        assert_eq!(
            error.unwrap_err().to_string(),
            "the weights do not fit the network: missing `a`; unexpected `c`; misshaped `b: \
             expected [2], found [3]`"
        );
        assert_eq!(handle.to_vec1::<f32>().unwrap(), [1.0, 1.0]);
    }

    #[test]
    fn a_partly_frozen_set_trains_what_begins_like_its_prefixes() {
        let prefixes = ["vace_blocks".to_owned(), "blocks.*.modulation_ref".to_owned()];
        let mut params = Params::partly_frozen(&Device::Cpu, &prefixes);
        let one = Tensor::new(1f32, &Device::Cpu).unwrap();
        for name in
            ["vace_blocks.0.ffn.0.weight", "blocks.3.modulation_ref", "blocks.3.modulation", "head"]
        {
            params.add(name, &one, Group::Decay).unwrap();
        }
        let trained: Vec<bool> = params.iter().map(Param::is_trained).collect();
        assert_eq!(trained, [true, true, false, false]);
        let everything = &["*".to_owned()];
        let mut params = Params::partly_frozen(&Device::Cpu, everything);
        params.add("head.weight", &one, Group::NoDecay).unwrap();
        assert!(params.iter().all(Param::is_trained));
    }

    #[test]
    fn a_gathered_set_shares_what_it_takes() {
        let (first, handle) = set();
        let mut second = Params::new(&Device::Cpu);
        let one = Tensor::new(&[1f32, 1.0], &Device::Cpu).unwrap();
        second.add("c", &one, Group::NoDecay).unwrap();
        let all = Params::gathered(&[&first, &second], &Param::is_trained).unwrap();
        assert_eq!(all.iter().map(Param::name).collect::<Vec<_>>(), ["b", "c"]);
        all.load(&[("b".into(), (&one * 3.0).unwrap()), ("c".into(), one)].into()).unwrap();
        assert_eq!(handle.to_vec1::<f32>().unwrap(), [3.0, 3.0]);
        let error = Params::gathered(&[&first, &first], &Param::is_trained).unwrap_err();
        assert!(error.to_string().contains("`b`"), "{error}");
    }

    #[test]
    fn frozen_parameters_record_no_graph() {
        let mut params = Params::frozen(&Device::Cpu);
        let one = Tensor::new(1f32, &Device::Cpu).unwrap();
        let handle = params.add("a", &one, Group::Decay).unwrap();
        assert!(!handle.sqr().unwrap().track_op());
    }
}
