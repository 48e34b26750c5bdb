//! Declares a network's parameters under a name prefix, with Wan's initial values.

use candle_core::{DType, Result, Tensor};

use crate::error::ModelResult;
use crate::lora::Lora;
use crate::ops;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// How a weight starts (METHOD §1.2).
#[derive(Clone, Copy, Debug)]
pub(super) enum Init {
    /// Uniform in ±√(6/(inputs + outputs)).
    Xavier,
    /// Normal with this standard deviation.
    Normal(f32),
    /// Zero: the branch behind it starts as a no-op.
    Zeros,
}

/// A place in the tree of names where parameters are declared.
pub(super) struct Declare<'a> {
    params: &'a mut Params,
    prefix: String,
    /// `None` leaves everything that would be random at zero.
    seed: Option<u64>,
}

impl<'a> Declare<'a> {
    /// The root of the tree.
    pub(super) fn new(params: &'a mut Params, seed: Option<u64>) -> Self {
        Self { params, prefix: String::new(), seed }
    }

    /// The branch called `name`.
    pub(super) fn at(&mut self, name: &str) -> Declare<'_> {
        let prefix = format!("{}{name}.", self.prefix);
        Declare { params: &mut *self.params, prefix, seed: self.seed }
    }

    /// `<name>.weight` (outputs × inputs) and `<name>.bias` (zeros); `sizes` is (inputs, outputs).
    pub(super) fn projection(
        &mut self,
        name: &str,
        sizes: (usize, usize),
        init: Init,
    ) -> ModelResult<Projection> {
        self.kernel(name, sizes, (&[sizes.1, sizes.0], init))
    }

    /// A projection whose weight is kept in a shape of more dimensions, as convolutions are.
    pub(super) fn kernel(
        &mut self,
        name: &str,
        (inputs, outputs): (usize, usize),
        (shape, init): (&[usize], Init),
    ) -> ModelResult<Projection> {
        let name = format!("{}{name}", self.prefix);
        let weight = format!("{name}.weight");
        let device = self.params.device().clone();
        let value = match (self.stream(&weight), init) {
            // Glorot & Bengio 2010
            (Some(mut stream), Init::Xavier) => {
                let bound = (6.0 / (inputs + outputs) as f32).sqrt();
                stream.uniform_tensor(shape, bound, &device)?
            }
            (Some(mut stream), Init::Normal(std)) => stream.normal_tensor(shape, std, &device)?,
            _ => Tensor::zeros(shape, DType::F32, &device)?,
        };
        let weight = self.params.add(&weight, &value, Group::Decay)?;
        let zeros = Tensor::zeros(outputs, DType::F32, &device)?;
        let bias = self.params.add(&format!("{name}.bias"), &zeros, Group::NoDecay)?;
        Ok(Projection { name, weight, bias })
    }

    /// `<name>`: normal values of the given standard deviation, without weight decay.
    pub(super) fn table(&mut self, name: &str, shape: &[usize], std: f32) -> ModelResult<Tensor> {
        let name = format!("{}{name}", self.prefix);
        let value = match self.stream(&name) {
            Some(mut stream) => stream.normal_tensor(shape, std, self.params.device())?,
            None => Tensor::zeros(shape, DType::F32, self.params.device())?,
        };
        self.params.add(&name, &value, Group::NoDecay)
    }

    fn stream(&self, name: &str) -> Option<Stream> {
        Some(Stream::new(self.seed?, &format!("init/{name}"), 0))
    }

    /// Number of parameters declared so far, anywhere.
    pub(super) fn declared(&self) -> usize {
        self.params.len()
    }

    /// The trained ones of all parameters but the first `earlier`.
    pub(super) fn trained_since(&self, earlier: usize) -> Vec<Tensor> {
        let trained = self.params.iter().skip(earlier).filter(|param| param.is_trained());
        trained.map(|param| param.var().as_tensor().clone()).collect()
    }

    /// `<name>.weight`: the ones of a norm.
    pub(super) fn norm_weight(&mut self, name: &str, width: usize) -> ModelResult<Tensor> {
        let ones = Tensor::ones(width, DType::F32, self.params.device())?;
        self.params.add(&format!("{}{name}.weight", self.prefix), &ones, Group::NoDecay)
    }

    /// `<name>.bias`: the zeros of a norm.
    pub(super) fn norm_bias(&mut self, name: &str, width: usize) -> ModelResult<Tensor> {
        let zeros = Tensor::zeros(width, DType::F32, self.params.device())?;
        self.params.add(&format!("{}{name}.bias", self.prefix), &zeros, Group::NoDecay)
    }
}

/// A linear map y = x·Wᵀ + b, which adapters may know by its name.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    name: String,
    weight: Tensor,
    bias: Tensor,
}

impl Projection {
    /// The map of gelu(x), which is not kept for the backward pass unless an adapter needs it.
    pub(super) fn forward_gelu(&self, x: &Tensor, lora: Option<&Lora>) -> Result<Tensor> {
        match lora {
            Some(lora) if lora.adapts(&self.name) => self.forward(&ops::gelu(x)?, Some(lora)),
            _ => ops::gelu_linear(x, &self.weight, &self.bias),
        }
    }

    /// The map of x `[.., inputs]` to `[.., outputs]`.
    pub(super) fn forward(&self, x: &Tensor, lora: Option<&Lora>) -> Result<Tensor> {
        let y = ops::linear(x, &self.weight, Some(&self.bias))?;
        match lora {
            Some(lora) => lora.apply(&self.name, x, y),
            None => Ok(y),
        }
    }
}
