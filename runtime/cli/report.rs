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
    opened::Opened,
    pictures, summary,
};
use crate::script::Experiment;

/// Runs the verb: draws what the store holds, runs nothing.
pub(super) fn report(
    args: &args::Report,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let opened = Opened::each(&args.experiment, settings)?;
    summary::conclude(&opened, false, global)?;
    if args.mp4 {
        for Opened { lab, experiment } in &opened {
            let folder = lab.folder(experiment);
            films::write(&pictures::pictures(experiment, &lab.store, &folder)?, &folder)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a report is made of.
pub(super) struct Written {
    /// The rows.
    pub(super) results: Results,
    /// What the script drew.
    pub(super) items: Vec<Item>,
    /// Its verdicts.
    pub(super) claims: Vec<Claim>,
}

impl Written {
    /// Gathers the rows and asks the script what to draw and what it claims.
    pub(super) fn gather(lab: &Laboratory, experiment: &Experiment) -> Result<Self, Exit> {
        let results = lab.reader.gather(experiment, &lab.store)?;
        let items = experiment.report(&results)?;
        let claims = experiment.claims(&results)?;
        Ok(Self { results, items, claims })
    }

    /// The page of all this. Sheets that no stage has made go into the report's folder.
    pub(super) fn page<'a>(
        &'a self,
        lab: &Laboratory,
        experiment: &'a Experiment,
        manifest: &Manifest,
    ) -> Result<Page<'a>, Exit> {
        Ok(Page {
            results: &self.results,
            items: &self.items,
            claims: &self.claims,
            doc: &experiment.doc,
            status: status(&self.results, None),
            facts: manifest.facts(),
            pictures: pictures::pictures(experiment, &lab.store, &lab.folder(experiment))?,
        })
    }
}

/// Writes the report folder from what the store holds. `left_seconds` is the estimate for the
/// trials that are still running, if any are.
pub(super) fn write(
    lab: &Laboratory,
    experiment: &Experiment,
    left_seconds: Option<f64>,
) -> Result<Written, Exit> {
    let written = Written::gather(lab, experiment)?;
    let manifest = Manifest::of(lab, experiment, &written);
    let folder = lab.folder(experiment);
    crate::engine::files::create_dir(&folder)?;
    let mut page = written.page(lab, experiment, &manifest)?;
    page.status = status(&written.results, left_seconds);
    ffrun_reports::write(&page, &folder)?;
    ffrun_reports::index(&lab.runs)?;
    manifest.write(&folder)?;
    Ok(written)
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
