//! Records a computed value on candle's graph, with a hand-written backward rule.
//!
//! candle takes custom operations as `CustomOp1/2/3`, one trait a number of operands, with a
//! forward that sees raw storage. Here the value is computed first, by any code, on operands that
//! record nothing; the operation then only hands that value to candle. When no operand asks for a
//! gradient nothing is recorded at all.
//!
//! The rule sees detached operands and its gradients are detached too: candle's own gradients hold
//! the graph they were computed from, and with it every activation, for as long as they live.

use std::sync::{Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Result, Shape,
    Storage, Tensor, bail,
};

/// What a backward rule works from. All tensors are detached, `grad` is contiguous.
pub(super) struct Step<const N: usize> {
    /// The operands of the forward pass, as they were given to [`record`].
    pub(super) operands: [Tensor; N],
    /// Which operands ask for a gradient; computing the others is waste.
    pub(super) wanted: [bool; N],
    /// The value of the forward pass.
    pub(super) output: Tensor,
    /// The gradient of the loss in the output.
    pub(super) grad: Tensor,
}

/// A backward rule, holding what its forward pass saved.
pub(super) trait Rule<const N: usize>: Send + Sync + 'static {
    /// Names the operation in errors.
    const NAME: &'static str;

    /// The gradient in each wanted operand, of that operand's shape; `None` for the others.
    fn gradients(&self, step: &Step<N>) -> Result<[Option<Tensor>; N]>;
}

/// A computed value that is not yet on the graph.
pub(super) enum Value {
    /// Computed by a CPU kernel; handed over without a copy.
    Host(Vec<f32>, Shape),
    /// Computed by plain candle operations on detached operands.
    Plain(Tensor),
}

impl Value {
    /// A kernel's result of the given shape.
    pub(super) fn host<S: Into<Shape>>(values: Vec<f32>, shape: S) -> Self {
        Self::Host(values, shape.into())
    }

    fn into_tensor(self) -> Result<Tensor> {
        match self {
            Self::Host(values, shape) => Tensor::from_vec(values, shape, &Device::Cpu),
            Self::Plain(tensor) => Ok(tensor),
        }
    }

    fn into_cpu(self) -> Result<(CpuStorage, Shape)> {
        let tensor = match self {
            Self::Host(values, shape) => return Ok((CpuStorage::F32(values), shape)),
            Self::Plain(tensor) => whole(&tensor)?,
        };
        let (storage, layout) = tensor.storage_and_layout();
        match &*storage {
            Storage::Cpu(cpu) => Ok((cpu.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("a value computed off the CPU was recorded on CPU operands"),
        }
    }

    fn into_cuda(self) -> Result<(CudaStorage, Shape)> {
        let Self::Plain(tensor) = self else {
            bail!("a value computed on the CPU was recorded on CUDA operands")
        };
        let tensor = whole(&tensor)?;
        let (storage, layout) = tensor.storage_and_layout();
        match &*storage {
            Storage::Cuda(cuda) => Ok((cuda.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("a value computed off CUDA was recorded on CUDA operands"),
        }
    }
}

/// The tensor as one whose storage begins with its values: storage is handed to candle as it is,
/// without a layout.
fn whole(tensor: &Tensor) -> Result<Tensor> {
    match tensor.layout().contiguous_offsets() {
        Some((0, _)) => Ok(tensor.clone()),
        _ => tensor.force_contiguous(),
    }
}

/// Puts `value` on the graph as a function of one to three `operands`, with `rule` for its
/// gradients. The operands must be the ones the rule's gradients are shaped after.
pub(super) fn record<const N: usize, R: Rule<N>>(
    operands: [&Tensor; N],
    value: Value,
    rule: R,
) -> Result<Tensor> {
    if !operands.iter().any(|operand| operand.track_op()) {
        return value.into_tensor();
    }
    let recorded = Recorded {
        name: R::NAME,
        value: Mutex::new(Some(value)),
        backward: Box::new(move |operands, output, grad| run_rule(&rule, operands, output, grad)),
    };
    match operands.as_slice() {
        [a] => a.apply_op1(recorded),
        [a, b] => a.apply_op2(b, recorded),
        [a, b, c] => a.apply_op3(b, c, recorded),
        _ => bail!("`{}` has {N} operands; candle records one to three", R::NAME),
    }
}

fn run_rule<const N: usize, R: Rule<N>>(
    rule: &R,
    operands: &[&Tensor],
    output: &Tensor,
    grad: &Tensor,
) -> Result<Vec<Option<Tensor>>> {
    let Ok(operands) = <[&Tensor; N]>::try_from(operands) else {
        bail!("`{}` was recorded with {N} operands, not {}", R::NAME, operands.len())
    };
    let step = Step {
        wanted: operands.map(Tensor::track_op),
        operands: operands.map(Tensor::detach),
        output: output.detach(),
        grad: grad.detach().contiguous()?,
    };
    let gradients = rule.gradients(&step)?;
    Ok(gradients.into_iter().map(|grad| grad.map(|grad| grad.detach())).collect())
}

type Backward = dyn Fn(&[&Tensor], &Tensor, &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync;

struct Recorded {
    name: &'static str,
    value: Mutex<Option<Value>>,
    backward: Box<Backward>,
}

impl Recorded {
    fn take(&self) -> Result<Value> {
        match self.value.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Ok(value),
            None => bail!("the value of `{}` was handed over twice", self.name),
        }
    }

    fn gradient(&self, gradients: &mut Vec<Option<Tensor>>) -> Option<Tensor> {
        debug_assert!(!gradients.is_empty(), "`{}` lacks a gradient", self.name);
        gradients.pop().flatten()
    }
}

impl CustomOp1 for Recorded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.take()?.into_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.take()?.into_cuda()
    }

    fn bwd(&self, a: &Tensor, output: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut gradients = (self.backward)(&[a], output, grad)?;
        Ok(self.gradient(&mut gradients))
    }
}

impl CustomOp2 for Recorded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.take()?.into_cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.take()?.into_cuda()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        output: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut gradients = (self.backward)(&[a, b], output, grad)?;
        let second = self.gradient(&mut gradients);
        Ok((self.gradient(&mut gradients), second))
    }
}

impl CustomOp3 for Recorded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.take()?.into_cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.take()?.into_cuda()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        output: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut gradients = (self.backward)(&[a, b, c], output, grad)?;
        let third = self.gradient(&mut gradients);
        let second = self.gradient(&mut gradients);
        Ok((self.gradient(&mut gradients), second, third))
    }
}
