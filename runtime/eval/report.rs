//! The report of a list: table by method, FaceSim by pose, worst frames.

use std::{collections::BTreeMap, path::Path};

use ffrun_reports::{
    page::{Page, Written},
    rows::{Metric, Observation, Results},
    sheet::{Item, TableSpec},
};
use serde_json::json;

use super::{
    figures::figures,
    measured::{Measured, Scored},
    plan::Sampling,
    tables, worst,
};
use crate::{
    engine::{EngineError, Store, files},
    metrics::{
        self,
        observation::ClipSeen,
        video::{Crops, Value, anchors, of_method},
    },
};

/// File of the contact sheet.
const WORST: &str = "worst_frames.png";

/// A report and what it says beside its page.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rows behind it.
    pub results: Results,
    /// The table by method.
    pub table: TableSpec,
    /// Its figures and further tables.
    items: Vec<Item>,
    /// PNG of the contact sheet, if a frame can be shown.
    sheet: Option<Vec<u8>>,
}

/// What a report is headed by.
#[derive(Clone, Debug)]
pub struct Heading {
    /// Name of the report's folder.
    pub name: String,
    /// File name of the list.
    pub list: String,
    /// Methods in the order of the table.
    pub methods: Vec<String>,
    /// The method whose clips are real: what others can reach, and what they are compared with.
    pub truth: Option<String>,
}

impl Report {
    /// Computes a report from what was measured; `store` holds the thumbnails.
    pub fn new(measured: &Measured, heading: &Heading, store: &Store) -> Result<Self, Failure> {
        let by_method = by_method(measured, heading);
        let (results, refusals) = results(measured, heading, &by_method);
        let table = TableSpec {
            id: "methods".to_owned(),
            title: "Methods".to_owned(),
            rows: vec!["method".to_owned()],
            columns: columns(&results.metrics, measured.sampling),
            only: std::collections::BTreeMap::new(),
            against: None,
            beside: None,
            origin: None,
            caption: caption(measured),
        };
        let mut items = vec![Item::Table(table.clone())];
        items.extend(refusals);
        items.extend(figures(measured, &by_method));
        let sheet = worst::sheet(measured, store)?;
        if sheet.is_some() {
            items.push(Item::Picture {
                title: "Worst frames".to_owned(),
                path: WORST.into(),
                caption: "The frames of each method that look least like their reference (right), \
                          the worst first: similarity, frame and clip, identity."
                    .to_owned(),
            });
        }
        items.extend(failures(measured));
        Ok(Self { results, table, items, sheet })
    }

    /// Writes the folder: `report.html`, `report.md`, `methods.csv` and the like, `clips.csv`,
    /// `frames.csv`, `results.csv`, charts and the contact sheet.
    pub fn write(
        &self,
        measured: &Measured,
        facts: Vec<(String, String)>,
        folder: &Path,
    ) -> Result<Written, Failure> {
        files::create_dir(folder)?;
        files::write_atomic(&folder.join("clips.csv"), &tables::clips(measured)?)?;
        files::write_atomic(&folder.join("frames.csv"), &tables::frames(measured)?)?;
        if let Some(sheet) = &self.sheet {
            files::write_atomic(&folder.join(WORST), sheet)?;
        }
        let page = Page {
            results: &self.results,
            items: &self.items,
            claims: &[],
            doc: "",
            status: status(measured),
            facts,
            pictures: Vec::new(),
        };
        Ok(ffrun_reports::write(&page, folder)?)
    }
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The page.
    #[error(transparent)]
    Report(#[from] ffrun_reports::ReportError),
    /// A file of the store or of the folder.
    #[error(transparent)]
    Store(#[from] EngineError),
    /// A table or a picture.
    #[error(transparent)]
    Stage(#[from] crate::engine::StageError),
}

/// `12 of 14 clips measured, 2 failed`.
pub fn status(measured: &Measured) -> String {
    let (all, done) = (measured.clips.len(), measured.scored(None).count());
    let failed = measured.failures().count();
    let mut text = format!("{done} of {all} clips measured");
    for (count, word) in [(failed, "failed"), (all - done - failed, "waiting")] {
        if count > 0 {
            text = format!("{text}, {count} {word}");
        }
    }
    text
}

/// Methods that are compared, with what was seen of their clips.
fn by_method(measured: &Measured, heading: &Heading) -> Vec<(String, Vec<ClipSeen>)> {
    let compared = heading.methods.iter().filter(|method| Some(*method) != heading.truth.as_ref());
    compared.map(|method| (method.clone(), seen_of(measured, method))).collect()
}

fn seen_of(measured: &Measured, method: &str) -> Vec<ClipSeen> {
    measured.scored(Some(method)).map(|(_, scored)| scored.seen.clone()).collect()
}

/// The rows of all methods, and why some have no distance of distributions.
fn results(
    measured: &Measured,
    heading: &Heading,
    by_method: &[(String, Vec<ClipSeen>)],
) -> (Results, Vec<Item>) {
    let Measured { networks, sampling: Sampling { rules, frames }, .. } = measured;
    let truth = heading.truth.as_ref().map(|truth| seen_of(measured, truth));
    let methods = by_method.iter().map(|(name, _)| json!(name)).collect();
    let mut results = Results {
        experiment: heading.name.clone(),
        asks: "Which method keeps the face?".to_owned(),
        origin: format!("{}, {frames} frames, rules {}", heading.list, rules.name()),
        varied: vec![("method".to_owned(), methods)],
        ..Results::default()
    };
    let mut refusals = Vec::new();
    for (method, clips) in by_method {
        results.observations.extend(of_clips(measured, method));
        let real = truth.as_deref().map_or_else(|| Crops::of_references(clips), Crops::of_frames);
        match of_method(&Crops::of_frames(clips), &real, networks) {
            Ok(values) => {
                results.observations.extend(values.iter().map(|value| row(method, None, value)));
            }
            Err(refusal) => refusals.push(Item::Text(format!("{method}: {refusal}"))),
        }
    }
    results.metrics = known(&results.observations);
    let all: Vec<ClipSeen> = by_method.iter().flat_map(|(_, clips)| clips.clone()).collect();
    results.anchors = anchors::floors(&all, networks, *rules);
    if let Some(truth) = truth {
        results.anchors.extend(anchors::ceilings(&truth, networks, *rules));
    }
    (results, refusals)
}

/// Every number of every clip of a method.
fn of_clips<'a>(measured: &'a Measured, method: &'a str) -> impl Iterator<Item = Observation> + 'a {
    measured.scored(Some(method)).flat_map(move |(listed, scored)| {
        scored.values.iter().map(move |value| row(method, Some(&listed.identity), value))
    })
}

fn row(method: &str, identity: Option<&str>, value: &Value) -> Observation {
    Observation {
        settings: BTreeMap::from([("method".to_owned(), json!(method))]),
        seed: 0,
        metric: value.metric.clone(),
        identity: identity.map(str::to_owned),
        value: value.value,
    }
}

/// Declarations of the metrics that were measured, in the order of the first clip that has them.
fn known(observations: &[Observation]) -> Vec<Metric> {
    let mut names: Vec<&str> = Vec::new();
    for row in observations {
        if !names.contains(&row.metric.as_str()) {
            names.push(&row.metric);
        }
    }
    names.into_iter().filter_map(metrics::find).collect()
}

/// Columns of the table: variants of a number are in `results.csv` and not beside it.
fn columns(declared: &[Metric], sampling: Sampling) -> Vec<String> {
    let in_bgr = sampling.rules.text_in_bgr();
    let shown = |metric: &&Metric| {
        let (name, _) = metrics::video::networks::split(&metric.name);
        let variant = name.ends_with("_raw") || name.ends_with("_where_seen");
        let text = name.starts_with("clip_score") && (name == "clip_score_bgr") != in_bgr;
        !variant && !text
    };
    let mut shown: Vec<String> =
        declared.iter().filter(shown).map(|metric| metric.name.clone()).collect();
    // The same metric by several networks stands side by side.
    let base = |name: &str| metrics::video::networks::split(name).0.to_owned();
    let order: Vec<String> = shown.iter().map(|name| base(name)).collect();
    shown.sort_by_key(|name| order.iter().position(|other| *other == base(name)));
    shown
}

fn caption(measured: &Measured) -> String {
    let networks = &measured.networks;
    let mut names = vec![format!("faces by {}", networks.detector)];
    names.extend(networks.pose.iter().map(|name| format!("pose by {name}")));
    names.extend(networks.features.iter().map(|name| format!("features by {name}")));
    names.extend(networks.text.iter().map(|name| format!("text by {name}")));
    let cut = measured.scored(None).filter(|(_, scored)| scored.tokens_left_off > 0).count();
    let cut = match cut {
        0 => String::new(),
        count => format!(" The prompts of {count} clips are longer than the network reads."),
    };
    let unread = unread(measured);
    format!("Networks: {}; recognisers are named in their columns.{cut}{unread}", names.join(", "))
}

/// What the rules of the field's scripts pass over in silence.
fn unread(measured: &Measured) -> String {
    let of_clip = |(_, scored): (_, &Scored)| {
        scored.seen.frames.iter().filter(|frame| frame.unread.is_some()).count()
    };
    let counts: Vec<usize> =
        measured.scored(None).map(of_clip).filter(|&count| count > 0).collect();
    if counts.is_empty() {
        return String::new();
    }
    let rules = measured.sampling.rules.name();
    format!(
        " {} frames of {} clips could not be read and were passed over, as the rules of {rules} do; \
         clips.csv counts them.",
        counts.iter().sum::<usize>(),
        counts.len()
    )
}

/// Clips without numbers, a line each.
fn failures(measured: &Measured) -> Vec<Item> {
    const MOST: usize = 50;
    let mut items: Vec<Item> = Vec::new();
    let all = measured.failures().count();
    if all > 0 {
        items.push(Item::Text(format!("Clips without numbers: {all}")));
    }
    items.extend(measured.failures().take(MOST).map(|(row, reason)| {
        Item::Text(format!("Line {}, {}, {}: {reason}", row.line, row.method, row.video))
    }));
    if all > MOST {
        items.push(Item::Text(format!("and {} more, listed in clips.csv", all - MOST)));
    }
    items
}
