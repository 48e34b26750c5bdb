//! The stage of a tuning.

use std::collections::BTreeMap;

use rhai::{ImmutableString, Map};

use super::{
    base::Base,
    building::{add, check_size, faces_stage},
    complaint::Complaint,
    generating::Encoded,
    host::Host,
    mechanism::{Declared, Fit, fit},
    parts::Parts,
    recipe::{Adapter, Clipset, Control, Dataset, Flow, Model, Schedule},
};
use crate::{
    engine::{key::Key, stage::Stage},
    spec::{self, TuneSpec},
    stages::evaluators::Evaluators,
};

/// A base with what tuning adds to it.
#[derive(Clone, Debug)]
pub(super) struct Tuned {
    pub(super) key: Key,
    pub(super) base: Base,
    /// Whether a mechanism tells it who is to be seen, whose passes are its own.
    pub(super) mechanism: bool,
}

const KNOWN: [&str; 9] =
    ["adapter", "clips", "schedule", "aligner", "faces", "pairs", "control", "mechanism", "trains"];

/// Adds the stage of a tuning with these parts.
pub(super) fn tune_stage(
    host: &Host,
    base: Base,
    parts: &Map,
    seed: u64,
) -> Result<Tuned, Complaint> {
    let parts = Parts::read("tune", parts, &KNOWN)?;
    let adapter: Adapter = parts.required("adapter", "generator::adapter()")?;
    let clips: Clipset = parts.required("clips", "heads::clips().tuning")?;
    let schedule: Flow = parts.required("schedule", "schedule::tuning()")?;
    let aligner: Option<Model> = parts.optional("aligner", "aligner::paper()")?;
    let control: Option<Control> = parts.optional("control", "aligner::random()")?;
    base.check_geometry(&clips.spec)?;
    let under = mechanism_of(&parts, &base, (&adapter, aligner.as_ref(), &clips))?;
    let encoded = Encoded::add(host, &clips.spec, base.codec, base.text())?;
    let mut spec = TuneSpec {
        aligner: None,
        control: control.as_ref().map(|control| control.spec.as_ref().clone()),
        adapter: adapter.spec.as_ref().clone(),
        mechanism: None,
        schedule: schedule.spec.as_ref().clone(),
        pairs: None,
        seed,
    };
    check_control(control.as_ref(), aligner.as_ref(), under.as_ref())?;
    let recognises = control.as_ref().is_some_and(|it| it.spec.source == "recogniser");
    let reads_pictures = recognises || under.as_ref().is_some_and(|under| under.reads_pictures);
    if let Some(Fit { spec: mechanism, adapter, .. }) = under {
        (spec.mechanism, spec.adapter) = (Some(mechanism), adapter);
    }
    let mut code = BTreeMap::clone(&schedule.code);
    let mut faces = None;
    if let Some(aligner) = aligner {
        let stills: Dataset = parts.required("faces", "heads::stills().train")?;
        let pairs: Schedule = parts.required("pairs", "schedule::beside_tuning()")?;
        check_size(&stills, aligner.spec.image_px)?;
        faces = Some(faces_stage(host, &stills)?);
        spec.aligner = Some(aligner.spec.as_ref().clone());
        spec.pairs = Some(pairs.spec.as_ref().clone());
        for more in [&aligner.code, &pairs.code] {
            code.extend(more.iter().map(|(role, text)| (role.clone(), text.clone())));
        }
    }
    let key = add(host, spec::TUNE, &spec, |mut stage| {
        stage.code = code;
        if reads_pictures {
            stage.digests.insert("evaluators".to_owned(), Evaluators::digest().to_owned());
        }
        reading(stage, &base, encoded, faces)
    })?;
    Ok(Tuned { key, base, mechanism: spec.mechanism.is_some() })
}

/// Refuses a control where something else decides what is injected.
fn check_control(
    control: Option<&Control>,
    aligner: Option<&Model>,
    under: Option<&Fit>,
) -> Result<(), Complaint> {
    if control.is_none() {
        return Ok(());
    }
    let (message, hint) = if aligner.is_some() {
        (
            "`tune` was given `aligner` and `control`, but one alone is injected",
            "a control stands in the place of the aligner's S: leave `aligner` out",
        )
    } else if under.is_some() {
        (
            "`tune` was given `mechanism` and `control`, but controls are injected beside VACE alone",
            "leave `mechanism` out: without one the base is told by VACE",
        )
    } else {
        return Ok(());
    };
    Err(Complaint::new("setting", message).hint(hint).at("control"))
}

/// The mechanism among the parts, brought together with the others.
fn mechanism_of(
    parts: &Parts,
    base: &Base,
    (adapter, aligner, clips): (&Adapter, Option<&Model>, &Clipset),
) -> Result<Option<Fit>, Complaint> {
    let declared: Option<Declared> = parts.optional("mechanism", "baselines::phantom()")?;
    let trains: Option<ImmutableString> = parts.optional("trains", "\"published\"")?;
    let Some(declared) = declared else {
        if trains.is_none() {
            return Ok(None);
        }
        let message = "`trains` of `tune` speaks of a mechanism, but none is given";
        return Err(Complaint::new("setting", message)
            .hint("mechanism: baselines::phantom()")
            .at("trains"));
    };
    let trains = trains.as_deref().unwrap_or("modules");
    let others = (adapter.spec.as_ref(), aligner.map(|it| it.spec.as_ref()), clips.spec.as_ref());
    fit(&declared, trains, base, others).map(Some)
}

fn reading(stage: Stage, base: &Base, encoded: Encoded, faces: Option<Key>) -> Stage {
    let stage = stage
        .reading("base", base.key)
        .reading("clips", encoded.latents)
        .reading("texts", encoded.texts);
    match faces {
        Some(faces) => stage.reading("faces", faces),
        None => stage,
    }
}
