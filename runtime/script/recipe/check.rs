//! Checks of single values that several recipes share.

use crate::{
    script::{complaint::Complaint, suggest::did_you_mean_or_list},
    spec::Choice,
};

/// Refuses a value outside what is allowed, saying what is.
pub(in crate::script) fn that(
    holds: bool,
    name: &str,
    says: impl FnOnce() -> String,
) -> Result<(), Complaint> {
    if holds { Ok(()) } else { Err(Complaint::new("setting", says()).at(name)) }
}

/// Refuses zero.
pub(super) fn at_least_one(name: &str, value: usize) -> Result<(), Complaint> {
    that(value >= 1, name, || format!("`{name}` must be at least 1"))
}

/// Refuses numbers outside `low..=high`.
pub(super) fn within(name: &str, value: f64, low: f64, high: f64) -> Result<(), Complaint> {
    that((low..=high).contains(&value), name, || {
        format!("`{name}` is {value}, but must lie in {low} to {high}")
    })
}

/// Refuses zero, negative numbers and NaN.
pub(super) fn positive(name: &str, value: f64) -> Result<(), Complaint> {
    that(value > 0.0, name, || format!("`{name}` is {value}, but must be above 0"))
}

/// Refuses settings that AdamW cannot run with.
pub(super) fn optimiser(
    lr: f64,
    weight_decay: f64,
    betas: [f64; 2],
    clip: f64,
) -> Result<(), Complaint> {
    positive("lr", lr)?;
    within("weight_decay", weight_decay, 0.0, 1.0)?;
    within("beta1", betas[0], 0.0, 0.999_999)?;
    within("beta2", betas[1], 0.0, 0.999_999)?;
    within("clip", clip, 0.0, f64::MAX)
}

/// Refuses a name that is not known.
pub(in crate::script) fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), Complaint> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(Complaint::new("setting", format!("unknown {name} `{value}`"))
        .maybe_hint(did_you_mean_or_list(value, known.iter().copied()))
        .at(name))
}

/// Refuses a built-in that is not known; closures pass, they were rehearsed.
pub(super) fn choice(name: &str, value: &Choice, known: &[&str]) -> Result<(), Complaint> {
    match value {
        Choice::Builtin(builtin) => one_of(name, builtin, known),
        Choice::Closure { .. } => Ok(()),
    }
}
