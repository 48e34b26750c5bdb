//! `ffrun report`, and how every verb that writes a report writes it.

use std::process::ExitCode;

use ffrun_reports::{
    page::Page,
    rows::Results,
    sheet::{Claim, Item},
};

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    films,
    laboratory::Laboratory,
    manifest::Manifest,
    pictures, summary,
};
use crate::script::Experiment;

/// Runs the verb: draws what the store holds, runs nothing.
pub(super) fn report(
    args: &args::Report,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let lab = Laboratory::open(&args.experiment, settings)?;
    let experiment = lab.load()?;
    let written = write(&lab, &experiment, None)?;
    summary::print(&lab, &experiment, &written, global);
    if args.mp4 {
        let folder = lab.folder(&experiment);
        films::write(&pictures::pictures(&experiment, &lab.store, &folder)?, &folder)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a report was made of.
pub(super) struct Written {
    /// The rows.
    pub(super) results: Results,
    /// What the script drew.
    pub(super) items: Vec<Item>,
    /// Its verdicts.
    pub(super) claims: Vec<Claim>,
}

/// Writes the report folder from what the store holds. `left_seconds` is the estimate for the
/// trials that are still running, if any are.
pub(super) fn write(
    lab: &Laboratory,
    experiment: &Experiment,
    left_seconds: Option<f64>,
) -> Result<Written, Exit> {
    let results = lab.reader.gather(experiment, &lab.store)?;
    let items = experiment.report(&results)?;
    let claims = experiment.claims(&results)?;
    let manifest = Manifest::of(lab, experiment, results.finished);
    let folder = lab.folder(experiment);
    crate::engine::files::create_dir(&folder)?;
    let page = Page {
        results: &results,
        items: &items,
        claims: &claims,
        doc: &experiment.doc,
        status: status(&results, left_seconds),
        facts: manifest.facts(),
        pictures: pictures::pictures(experiment, &lab.store, &folder)?,
    };
    ffrun_reports::write(&page, &folder)?;
    manifest.write(&folder)?;
    Ok(Written { results, items, claims })
}

fn status(results: &Results, left_seconds: Option<f64>) -> String {
    if results.finished == results.planned {
        return "complete".to_owned();
    }
    let measured = format!("{} of {} trials measured", results.finished, results.planned);
    match left_seconds {
        Some(seconds) => format!("{measured}, about {} left", summary::duration_text(seconds)),
        None => measured,
    }
}
