//! Public networks in scripts: the user's files beside the in-world evaluators.

use std::{path::PathBuf, time::Instant};

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Array, Engine, Map};

use super::{
    building::{Evaluation, add, check_unseen, declared_measure, faces_stage},
    complaint::{Complaint, Raised},
    diagnostic::FILES,
    host::Host,
    judging::FittedEvaluator,
    parts::Parts,
    phase::Phase,
    recipe::Dataset,
};
use crate::{
    engine::{EngineError, stage::Stage, work::StageError},
    metrics::Subject,
    spec::{self, AgreementSpec, PublicSpec},
    stages::evaluators::{PublicFiles, photographs_in},
};

/// Public networks in the user's folder, and photographs to try them on.
#[derive(Clone, Debug)]
pub(super) struct PublicNetworks {
    spec: PublicSpec,
    networks: Digests,
    photographs: Digests,
}

/// Role → digest, as they stand in a stage.
type Digests = Vec<(String, String)>;

/// Registers the type and the functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<PublicNetworks>("PublicNetworks");
    engine.register_global_module(exported_module!(agreeing_functions).into());
}

/// Finds the files and what they are.
fn found(host: &Host, settings: &Map) -> Result<PublicNetworks, Complaint> {
    let parts = Parts::read("public_networks", settings, &["weights", "photographs"])?;
    let weights = parts.required::<String>("weights", "\"weights\"")?;
    let photographs = parts.optional::<String>("photographs", "\"photographs\"")?;
    let asked =
        (PathBuf::from(weights), photographs.filter(|it| !it.is_empty()).map(PathBuf::from));
    // Trials share them: their files are looked at once.
    let known = host.state().public.iter().find(|(known, _)| *known == asked).cloned();
    if let Some((_, networks)) = known {
        return Ok(networks);
    }
    let started = Instant::now();
    let files = PublicFiles::find(&asked.0).map_err(of_files)?;
    let pictures = asked.1.as_deref().map_or(Ok(Vec::new()), photographs_in).map_err(of_files)?;
    let mut networks: Digests = files.digests.into_iter().collect();
    networks.extend(digests(host, files.files)?);
    let photographs = digests(host, pictures)?;
    // Reading files the first time takes long, and is not the script's doing.
    host.state().started += started.elapsed();
    let public = PublicNetworks { spec: files.spec, networks, photographs };
    host.state().public.push((asked, public.clone()));
    Ok(public)
}

fn digests(host: &Host, files: Vec<(String, PathBuf)>) -> Result<Digests, Complaint> {
    let memory = host.options.known_files.clone().ok_or_else(|| {
        Complaint::new(FILES, "public networks need a store that remembers their files")
            .hint("plan or run the script with `ffrun`")
    })?;
    let digest = |(role, path): (String, PathBuf)| Ok((role, memory.digest(&path)?));
    let digests: Result<Digests, EngineError> = files.into_iter().map(digest).collect();
    digests.map_err(|error| of_files(error.into()))
}

/// A complaint about files rather than about the script.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn of_files(error: StageError) -> Complaint {
    Complaint::new(FILES, error.to_string())
}

/// A stage that looks with these networks at what `finish` gives it.
fn looking(
    host: &Host,
    kind: (&str, u32),
    networks: &PublicNetworks,
    finish: impl FnOnce(Stage) -> Stage,
) -> Result<Evaluation, Complaint> {
    let metrics = declared_measure(host, Subject::PublicNetworks)?.spec.metrics.clone();
    let spec = AgreementSpec { networks: networks.spec.clone(), metrics };
    let key = add(host, kind, &spec, |mut stage| {
        stage.digests.extend(networks.networks.iter().cloned());
        finish(stage)
    })?;
    Ok(Evaluation { key })
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod agreeing_functions {
    /// Public networks in a folder of one's own, as `ffrun weights list` names them: the first
    /// detector, the first two recognisers (A and B) and the first pose estimator found there;
    /// and, if named, photographs to try them on, in a folder with a folder for each person. Files
    /// are known by their content; `evaluators::networks` is how scripts call it.
    /// ```text
    /// let networks = public_networks(#{ weights: "weights", photographs: "faces" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn public_networks(
        context: NativeCallContext,
        files: Map,
    ) -> Result<PublicNetworks, Raised> {
        let host = Host::of(&context)?;
        found(&host, &files).map_err(Raised::from)
    }

    /// Names of the recognisers, A first.
    #[rhai_fn(get = "recognisers", pure)]
    pub fn recognisers(networks: &mut PublicNetworks) -> Array {
        networks.spec.recognisers.iter().cloned().map(Dynamic::from).collect()
    }

    /// Compares an in-world evaluator with public networks on renderings of people it has never
    /// seen: every declared metric of agreement. Belongs in `run(trial)`.
    /// ```rhai
    /// let networks = evaluators::networks();
    /// if networks != () {
    ///     evaluate(ruler, clips) + agreement(ruler, networks, evaluators::renderings())
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn agreement(
        context: NativeCallContext,
        evaluator: FittedEvaluator,
        networks: PublicNetworks,
        dataset: Dataset,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_unseen((&dataset.spec.split, dataset.spec.world), &evaluator.seen)?;
        let faces = faces_stage(&host, &dataset)?;
        looking(&host, spec::AGREEMENT, &networks, |stage| {
            stage.reading("evaluator", evaluator.key).reading("faces", faces)
        })
        .map_err(Raised::from)
    }

    /// Measures public networks on the photographs that they were named with: every declared metric
    /// of such. Belongs in `run(trial)`.
    /// ```text
    /// photographs(evaluators::networks())
    /// ```
    #[rhai_fn(return_raw)]
    pub fn photographs(
        context: NativeCallContext,
        networks: PublicNetworks,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        if networks.photographs.is_empty() {
            let complaint =
                Complaint::new("setting", "the networks were named without photographs");
            return Err(complaint.hint("public_networks(#{ weights: …, photographs: … })").into());
        }
        looking(&host, spec::PHOTOGRAPHS, &networks, |mut stage| {
            stage.digests.extend(networks.photographs.iter().cloned());
            stage
        })
        .map_err(Raised::from)
    }
}
