//! Rehearsals: a closure is run once on small tensors while the script is read, so that its
//! mistakes show at their line and not inside a worker, hours later.

use candle_core::{Device, Tensor, Var};
use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::{
    closure::{Closure, ClosureError},
    complaint::{Complaint, Raised},
    convert::type_name,
    host::Host,
    tensor::first_line,
};

/// What a closure is for, which says what it is given and what it must return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `|correlations_blc| weights_bc`.
    Pool,
    /// `|weights_bc| weights_bc`.
    Normalizer,
    /// `|progress| factor`.
    LrSchedule,
    /// `|s1_nd, s2_nd, w1_nc, w2_nc| scalar`.
    ExtraLoss,
}

impl Role {
    /// The setting that takes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Normalizer => "normalizer",
            Self::LrSchedule => "lr_schedule",
            Self::ExtraLoss => "extra_loss",
        }
    }

    /// How it is called, as a sentence.
    pub(super) fn signature(self) -> &'static str {
        match self {
            Self::Pool => "`pool` is called as |correlations_blc| and returns weights_bc",
            Self::Normalizer => "`normalizer` is called as |weights_bc| and returns weights_bc",
            Self::LrSchedule => "`lr_schedule` is called as |progress| and returns a number",
            Self::ExtraLoss => {
                "`extra_loss` is called as |s1_nd, s2_nd, w1_nc, w2_nc| and returns a scalar"
            }
        }
    }

    /// Arguments it is called with.
    pub(super) fn arity(self) -> usize {
        if self == Self::LrSchedule { 1 } else { self.inputs().len() }
    }

    /// Shapes of what it is given: B = 2, L = 3, C = 4, N = 2, D = 5.
    fn inputs(self) -> &'static [&'static [usize]] {
        match self {
            Self::Pool => &[&[2, 3, 4]],
            Self::Normalizer => &[&[2, 4]],
            Self::LrSchedule => &[],
            Self::ExtraLoss => &[&[2, 5], &[2, 5], &[2, 4], &[2, 4]],
        }
    }

    fn output(self) -> &'static [usize] {
        match self {
            Self::Pool | Self::Normalizer => &[2, 4],
            Self::LrSchedule | Self::ExtraLoss => &[],
        }
    }
}

/// Runs a closure once as the trainer will and checks what comes back: first where errors know
/// their line, then from its captured text as a worker does.
pub(super) fn rehearse(
    context: &NativeCallContext,
    role: Role,
    function: &FnPtr,
    text: &str,
) -> Result<(), Raised> {
    let host = Host::of(context)?;
    let known = (role.name(), text.to_owned());
    if host.state().rehearsed.contains(&known) {
        return Ok(());
    }
    if role == Role::LrSchedule {
        [0.0, 0.5, 1.0].iter().try_for_each(|at| rehearse_number(context, function, *at))?;
    } else {
        rehearse_tensors(context, role, function)?;
    }
    travel(role, text).map_err(|reason| {
        let message = format!("the closure for `{}` cannot run in a worker: {reason}", role.name());
        Complaint::new("closure", message)
            .hint("a closure sees its arguments, what it captures, and functions and constants of its file")
            .at(role.name())
    })?;
    host.state().rehearsed.insert(known);
    Ok(())
}

/// Runs the captured text; says why it does not run.
fn travel(role: Role, text: &str) -> Result<(), String> {
    let reason = |error: ClosureError| match error {
        ClosureError::Run(reason) => reason,
        other => other.to_string(),
    };
    let closure = Closure::compile(text).map_err(reason)?;
    if role == Role::LrSchedule {
        return closure.number(0.5).map(|_| ()).map_err(reason);
    }
    let inputs: candle_core::Result<Vec<Tensor>> =
        role.inputs().iter().map(|shape| sample(shape)).collect();
    let inputs = inputs.map_err(|error| first_line(&error))?;
    closure.run(&inputs).map(|_| ()).map_err(reason)
}

fn rehearse_tensors(
    context: &NativeCallContext,
    role: Role,
    function: &FnPtr,
) -> Result<(), Raised> {
    let wrap = |error: candle_core::Error| wrong(role, &first_line(&error));
    let inputs: Vec<Var> = role
        .inputs()
        .iter()
        .map(|shape| sample(shape).and_then(|tensor| Var::from_tensor(&tensor)))
        .collect::<Result<_, _>>()
        .map_err(wrap)?;
    let arguments: Vec<Dynamic> =
        inputs.iter().map(|var| Dynamic::from(var.as_tensor().clone())).collect();
    let value = function.call_raw(context, None, arguments)?;
    let Some(output) = value.clone().try_cast::<Tensor>() else {
        return Err(wrong(role, &format!("it returned {}", type_name(&value))).into());
    };
    let scalar = role.output().is_empty() && output.elem_count() == 1;
    if !scalar && output.dims() != role.output() {
        let (given, got, wanted) = (role.inputs(), output.dims(), role.output());
        let what = format!("given {given:?}, it returned {got:?} and not {wanted:?}");
        return Err(wrong(role, &what).into());
    }
    let gradients = output.sum_all().and_then(|sum| sum.backward()).map_err(wrap)?;
    if inputs.iter().all(|var| gradients.get(var.as_tensor()).is_none()) {
        return Err(wrong(role, "no gradient reaches what it was given").into());
    }
    Ok(())
}

fn rehearse_number(
    context: &NativeCallContext,
    function: &FnPtr,
    progress: f64,
) -> Result<(), Raised> {
    let value = function.call_raw(context, None, [progress.into()])?;
    let number = value.as_float().or_else(|_| value.as_int().map(|whole| whole as f64));
    let what = match number {
        Ok(number) if number.is_finite() && number >= 0.0 => return Ok(()),
        Ok(number) => format!("at progress {progress} it returned {number}"),
        Err(_) => format!("it returned {}", type_name(&value)),
    };
    Err(wrong(Role::LrSchedule, &what).into())
}

fn wrong(role: Role, what: &str) -> Complaint {
    Complaint::new("closure", format!("the closure for `{}` does not fit: {what}", role.name()))
        .hint(role.signature())
        .at(role.name())
}

/// Numbers without ties, so that a maximum has one place.
fn sample(shape: &[usize]) -> candle_core::Result<Tensor> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| ((i * 7 + 3) % 23) as f32 / 11.0 - 1.0).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}
