//! Recipes: the typed specs as scripts see them, changed by name and checked at once.

pub(super) mod aligner;
pub(super) mod apply;
pub(super) mod check;
pub(super) mod clipset;
pub(super) mod codec;
pub(super) mod control;
pub(super) mod evaluator;
pub(super) mod faces;
pub(super) mod flow;
pub(super) mod generator;
pub(super) mod measure;
pub(super) mod natives;
pub(super) mod schedule;
pub(super) mod sift;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{complaint::Complaint, rehearsal::Role};

/// A spec that scripts build.
pub(super) trait Spec: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What messages call it, `an aligner`.
    const WHAT: &'static str;
    /// What scripts call its type, `Model`.
    const TYPE: &'static str;
    /// The native that makes one, `aligner_model`.
    const NATIVE: &'static str;
    /// The manual of that native, one line each.
    const MANUAL: &'static [&'static str];
    /// Settings that take a closure.
    const CLOSURES: &'static [Role];
    /// Settings that may be left out.
    const OPTIONAL: &'static [&'static str] = &[];

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
pub(super) type Clipset = Recipe<crate::spec::ClipsetSpec>;
pub(super) type Codec = Recipe<crate::spec::CodecSpec>;
pub(super) type Control = Recipe<crate::spec::ControlSpec>;
pub(super) type Text = Recipe<crate::spec::TextSpec>;
pub(super) type Evaluator = Recipe<crate::spec::EvaluatorSpec>;
pub(super) type Generator = Recipe<crate::spec::GeneratorSpec>;
pub(super) type Adapter = Recipe<crate::spec::AdapterSpec>;
pub(super) type Flow = Recipe<crate::spec::FlowSpec>;
pub(super) type Footage = Recipe<crate::spec::FootageSpec>;
pub(super) type Filter = Recipe<crate::spec::FilterSpec>;
pub(super) type Sampler = Recipe<crate::spec::SamplerSpec>;
