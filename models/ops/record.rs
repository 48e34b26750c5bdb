//! Records a computed value on candle's graph, with a hand-written backward rule.
//!
//! candle takes custom operations as `CustomOp1/2/3`, one trait a number of operands, with a
//! forward that sees raw storage. Here the value is computed first, by any code, on operands that
//! record nothing; the operation then only hands that value to candle. When no operand asks for a
//! gradient nothing is recorded at all.
//!
//! candle's backward pass begins each gradient as zeros and adds to it out of place: two passes
//! over memory and two allocations for every operand. So an operation is put on the graph twice:
//! as a token of one value, which our own readers take as their operand and which only orders the
//! backward pass, and, read by everyone else, as the value itself. Gradients from both meet in the
//! operation's inbox, which holds the first as it is.
//!
//! The rule sees detached operands and its gradients are detached too: candle's own gradients hold
//! the graph they were computed from, and with it every activation, for as long as they live. What
//! a rule kept is freed as soon as it has run, so a graph can be gone through once.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, DType, Device, Layout, Result, Shape,
    Storage, Tensor, bail,
};

use super::entries::Entry;
use super::inbox::{Inbox, placeholder};

/// What a backward rule works from. All tensors are detached, `grad` is contiguous.
pub(super) struct Step<const N: usize> {
    /// The operands of the forward pass, as they were given to [`record`]; of those the rule does
    /// not use, the shape alone.
    pub(super) operands: [Tensor; N],
    /// Which operands ask for a gradient; computing the others is waste.
    pub(super) wanted: [bool; N],
    /// The value of the forward pass, if the rule uses it; else its shape alone.
    pub(super) output: Tensor,
    /// The gradient of the loss in the output.
    pub(super) grad: Tensor,
}

/// A backward rule, holding what its forward pass saved.
pub(super) trait Rule<const N: usize>: Send + Sync + 'static {
    /// Names the operation in errors.
    const NAME: &'static str;

    /// The operands whose values the rule uses; those of the others are not kept.
    const USES: [bool; N] = [true; N];

    /// Whether the rule uses the forward pass's value.
    const USES_OUTPUT: bool = true;

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
    let (inbox, kept) = (Arc::new(Inbox::default()), Arc::new(Mutex::new(None)));
    let entries = operands.map(Entry::of);
    let recorded = Recorded {
        name: R::NAME,
        token: Mutex::new(Some(token(&value)?)),
        backward: Box::new({
            let kept = Arc::clone(&kept);
            move |grad| run_rule(&rule, &kept, grad)
        }),
        inbox: Arc::clone(&inbox),
        operands: entries.iter().map(|entry| Some(Arc::clone(&entry.as_ref()?.inbox))).collect(),
    };
    let link = |at: usize| entries[at].as_ref().map_or(operands[at], |entry| &entry.token);
    let token = match N {
        1 => link(0).apply_op1(recorded)?,
        2 => link(0).apply_op2(link(1), recorded)?,
        3 => link(0).apply_op3(link(1), link(2), recorded)?,
        _ => bail!("`{}` has {N} operands; candle records one to three", R::NAME),
    };
    let entry = Entry::new(token, inbox);
    let shown = Shown { name: R::NAME, value: Mutex::new(Some(value)), entry: Arc::clone(&entry) };
    let output = entry.token.apply_op1(shown)?;
    entry.show_as(&output);
    let kept_output = if R::USES_OUTPUT { output.detach() } else { placeholder(&output)? };
    let kept_operands = keep(operands, R::USES)?;
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept {
        wanted: operands.map(Tensor::track_op),
        operands: kept_operands,
        output: kept_output,
    });
    Ok(output)
}

/// What waits for the backward pass.
struct Kept<const N: usize> {
    operands: [Tensor; N],
    wanted: [bool; N],
    output: Tensor,
}

fn keep<const N: usize>(operands: [&Tensor; N], uses: [bool; N]) -> Result<[Tensor; N]> {
    let mut kept = operands.map(Tensor::detach);
    for (operand, uses) in kept.iter_mut().zip(uses) {
        if !uses {
            *operand = placeholder(operand)?;
        }
    }
    Ok(kept)
}

/// One value on the device of `value`.
fn token(value: &Value) -> Result<Value> {
    match value {
        Value::Host(..) => Ok(Value::host(vec![0.0], 1)),
        Value::Plain(tensor) => Ok(Value::Plain(Tensor::zeros(1, DType::F32, tensor.device())?)),
    }
}

fn run_rule<const N: usize, R: Rule<N>>(
    rule: &R,
    kept: &Mutex<Option<Kept<N>>>,
    grad: &Tensor,
) -> Result<Vec<Option<Tensor>>> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Kept { operands, wanted, output }) = kept else {
        bail!(
            "`{}` was gone through backwards before and has freed what that takes; run the \
             forward pass again",
            R::NAME
        )
    };
    let step = Step { operands, wanted, grad: grad.reshape(output.shape())?.detach(), output };
    let gradients = rule.gradients(&step)?;
    Ok(gradients.into_iter().map(|grad| grad.map(|grad| grad.detach())).collect())
}

type Backward = dyn Fn(&Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync;

/// The operation as a token on candle's graph.
struct Recorded {
    name: &'static str,
    token: Mutex<Option<Value>>,
    backward: Box<Backward>,
    /// Where the gradient of its value arrives.
    inbox: Arc<Inbox>,
    /// The inboxes of those operands that are values of ours.
    operands: Vec<Option<Arc<Inbox>>>,
}

impl Recorded {
    fn take(&self) -> Result<Value> {
        taken(self.name, &self.token)
    }

    /// Sends each gradient to the inbox of its operand; candle is told of the others.
    fn send(&self, arguments: &[&Tensor]) -> Result<Vec<Option<Tensor>>> {
        let Some(grad) = self.inbox.take()? else {
            // No reader passed a gradient on; candle wants one of everything it tracks.
            let zeros = |x: &&Tensor| x.track_op().then(|| x.zeros_like()).transpose();
            return arguments.iter().map(zeros).collect();
        };
        let gradients = (self.backward)(&grad)?;
        let targets = arguments.iter().zip(&self.operands).zip(gradients);
        targets
            .map(|((argument, inbox), gradient)| {
                let Some(inbox) = inbox else { return Ok(gradient) };
                gradient.map(|gradient| inbox.receive(gradient)).transpose()?;
                // The token's value, 0, serves as its gradient.
                Ok(Some(argument.detach()))
            })
            .collect()
    }
}

fn taken(name: &str, value: &Mutex<Option<Value>>) -> Result<Value> {
    match value.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(value) => Ok(value),
        None => bail!("the value of `{name}` was handed over twice"),
    }
}

/// The operation's value, for everyone who reads it as a tensor.
struct Shown {
    name: &'static str,
    value: Mutex<Option<Value>>,
    entry: Arc<Entry>,
}

impl CustomOp1 for Shown {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        taken(self.name, &self.value)?.into_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        taken(self.name, &self.value)?.into_cuda()
    }

    fn bwd(&self, token: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        self.entry.inbox.receive(grad.detach())?;
        Ok(Some(token.detach()))
    }
}

/// The last gradient of a list that an operation's arity says is not empty.
fn last(gradients: &mut Vec<Option<Tensor>>) -> Option<Tensor> {
    gradients.pop().flatten()
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

    fn bwd(&self, a: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        let mut gradients = self.send(&[a])?;
        Ok(last(&mut gradients))
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
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut gradients = self.send(&[a, b])?;
        let second = last(&mut gradients);
        Ok((last(&mut gradients), second))
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
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut gradients = self.send(&[a, b, c])?;
        let third = last(&mut gradients);
        let second = last(&mut gradients);
        Ok((last(&mut gradients), second, third))
    }
}
