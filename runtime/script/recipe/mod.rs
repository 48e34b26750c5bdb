//! Recipes: the typed specs as scripts see them, changed by name and checked at once.

pub(super) mod aligner;
pub(super) mod apply;
pub(super) mod check;
pub(super) mod faces;
pub(super) mod measure;
pub(super) mod natives;
pub(super) mod schedule;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{complaint::Complaint, rehearsal::Role};

/// A spec that scripts build.
pub(super) trait Spec: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What messages call it, `an aligner`.
    const WHAT: &'static str;
    /// The native that makes one, `aligner_model`.
    const NATIVE: &'static str;
    /// Settings that take a closure.
    const CLOSURES: &'static [Role];

    /// A spec with a value of the right type in every field; the values themselves mean nothing.
    fn example() -> Self;

    /// Refuses values that no code could run with.
    fn check(&self) -> Result<(), Complaint>;
}

/// A spec and the text of its closures; what `Dataset`, `Model` and `Schedule` hold.
#[derive(Clone, Debug)]
pub(super) struct Recipe<S> {
    pub(super) spec: Arc<S>,
    /// Setting → compacted source of the closure it holds.
    pub(super) code: Arc<BTreeMap<String, String>>,
}

pub(super) type Dataset = Recipe<crate::spec::FacesSpec>;
pub(super) type Model = Recipe<crate::spec::AlignerSpec>;
pub(super) type Schedule = Recipe<crate::spec::ScheduleSpec>;
