//! What the native functions of one script share: its phase, its stages, what it asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ffrun_reports::{rows::Metric, sheet};
use rhai::{AST, NativeCallContext};
use serde_json::Value;

use super::{
    agreeing::PublicNetworks, base::Base, checkpoints::Asked, complaint::Complaint,
    declaration::Declaration, options::ScriptOptions, phase::Phase, reporting::Unsaved,
    sources::Sources,
};
use crate::{
    engine::{graph::Graph, key::Key},
    spec::{BaseSpec, FacesSpec},
};

/// Shared by the engine and its natives; cloned freely.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) options: Arc<ScriptOptions>,
    state: Arc<Mutex<State>>,
}

/// What changes while a script runs.
pub(super) struct State {
    pub(super) phase: Phase,
    /// When the running call started, for the limit on its time.
    pub(super) started: Instant,
    pub(super) declaration: Option<Declaration>,
    pub(super) graph: Graph,
    /// Stills that are in the graph.
    pub(super) faces: Vec<(Arc<FacesSpec>, Key)>,
    /// The shipped base that was asked for last: world, digest, spec.
    pub(super) shipped: Option<(String, String, BaseSpec)>,
    /// Public checkpoints that were asked for.
    pub(super) checkpoints: Vec<(Asked, Base)>,
    /// Public networks that were asked for, by the folders of weights and photographs.
    pub(super) public: Vec<((PathBuf, Option<PathBuf>), PublicNetworks)>,
    /// Names of scale numbers that the script asked for, each a valid `-P` key.
    pub(super) scale_numbers: BTreeSet<String>,
    pub(super) items: Vec<sheet::Item>,
    /// Tables and charts that were begun and not saved yet.
    pub(super) unsaved: Vec<Unsaved>,
    pub(super) claims: Vec<sheet::Claim>,
    /// Trials finished and planned, while results are read.
    pub(super) progress: Option<(usize, usize)>,
    /// A number was read that is not measured: comparisons with it say nothing.
    pub(super) unmeasured: bool,
    pub(super) sources: Sources,
    /// Roles and texts of the closures that were rehearsed: trials share them.
    pub(super) rehearsed: BTreeSet<(&'static str, String)>,
    /// Every text as parsed, to find the source of a closure.
    pub(super) programs: BTreeMap<String, AST>,
}

impl Host {
    pub(super) fn new(options: ScriptOptions) -> Self {
        let state = State {
            phase: Phase::Declare,
            started: Instant::now(),
            declaration: None,
            graph: Graph::default(),
            faces: Vec::new(),
            shipped: None,
            checkpoints: Vec::new(),
            public: Vec::new(),
            scale_numbers: BTreeSet::new(),
            items: Vec::new(),
            unsaved: Vec::new(),
            claims: Vec::new(),
            progress: None,
            unmeasured: false,
            sources: Sources::default(),
            rehearsed: BTreeSet::new(),
            programs: BTreeMap::new(),
        };
        Self { options: Arc::new(options), state: Arc::new(Mutex::new(state)) }
    }

    /// The host of the script that called a native function.
    pub(super) fn of(context: &NativeCallContext) -> Result<Self, Complaint> {
        let host = context.tag().and_then(|tag| tag.clone().try_cast::<Self>());
        host.ok_or_else(|| {
            let name = context.fn_name();
            Complaint::new("phase", format!("`{name}` cannot be called inside a closure"))
                .hint("a closure that travels to a worker reads its arguments and nothing else")
        })
    }

    /// The host, if the script is in the part that this function belongs to.
    pub(super) fn in_phase(context: &NativeCallContext, phase: Phase) -> Result<Self, Complaint> {
        let host = Self::of(context)?;
        let now = host.state().phase;
        now.require(phase, context.fn_name()).map(|()| host)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The catalogue's metric of this name.
    pub(super) fn metric(&self, name: &str) -> Option<&Metric> {
        self.options.metrics.iter().find(|metric| metric.name == name)
    }

    /// The values given for a key by `-P`, in order; a comma separates several.
    pub(super) fn overrides(&self, key: &str) -> Option<Vec<Value>> {
        let (_, text) = self.options.settings.iter().rev().find(|(name, _)| name == key)?;
        Some(text.split(',').map(|part| super::convert::from_command_line(part.trim())).collect())
    }
}
