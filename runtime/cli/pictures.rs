//! The pictures of a report: who was seen, and what was generated.

use std::path::{Path, PathBuf};

use ffrun_reports::page::{Picture, PictureSource};
use serde_json::Value;

use super::{
    comparison::{self, Made},
    exit::Exit,
    labels::labels,
};
use crate::{
    data::heads::Family,
    engine::{Graph, Key, Stage, Store},
    script::Experiment,
};

/// Sheets of all families are shown for at most so many settings.
const SHOWN: usize = 3;

/// Contact sheets of what is done: settings side by side, then all families of the first settings in
/// the order of the trials, then faces by split. Sheets that no stage has made go into `folder`.
pub(super) fn pictures(
    experiment: &Experiment,
    store: &Store,
    folder: &Path,
) -> Result<Vec<Picture>, Exit> {
    let mut pictures = comparison::sheets(experiment, store, folder)?;
    pictures.extend(samples(experiment, store));
    pictures.extend(faces(experiment, store));
    Ok(pictures)
}

/// What every setting made from its first seed.
fn samples(experiment: &Experiment, store: &Store) -> Vec<Picture> {
    let graph = &experiment.graph;
    let names = labels(graph);
    let mut pictures = Vec::new();
    for Made { videos: key, asked, .. } in comparison::made(graph).iter().take(SHOWN) {
        let Some(path) = sheet(store, key, "sheet.gif") else { continue };
        let name = names.get(key).map_or("generate", String::as_str);
        let name = name.strip_prefix("generate").unwrap_or(name).trim();
        pictures.push(Picture {
            title: format!(
                "What was generated: {}",
                if name.is_empty() { "samples" } else { name }
            ),
            source: PictureSource::File(path),
            caption: format!(
                "Unseen people, one to a row: the reference, then pairs of what was filmed and what \
                 was sampled from the reference and the caption{}.",
                families(graph, asked.as_ref())
            ),
        });
    }
    pictures
}

/// `: boxing, dancing, …`, the families of the clips in the order of the sheet.
fn families(graph: &Graph, asked: Option<&Key>) -> String {
    let spec = asked.and_then(|key| graph.stage(key)).map(|stage| &stage.spec["families"]);
    let names: Vec<&str> =
        spec.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let shown = Family::ALL.map(Family::name).into_iter().filter(|name| names.contains(name));
    let shown: Vec<&str> = shown.collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
}

fn faces(experiment: &Experiment, store: &Store) -> Vec<Picture> {
    let split = |stage: &Stage| stage.spec.get("split")?.as_str().map(str::to_owned);
    let stages = experiment.graph.stages().filter(|(_, stage)| stage.kind == "faces");
    let mut sheets: Vec<(String, PathBuf)> = stages
        .filter_map(|(key, stage)| Some((split(stage)?, sheet(store, key, "sheet.png")?)))
        .collect();
    sheets.sort();
    let picture = |(split, path): (String, PathBuf)| Picture {
        title: format!("Who was seen: {split} people"),
        source: PictureSource::File(path),
        caption: format!(
            "Rendered heads of the {split} split, a row for each person. The splits share nobody."
        ),
    };
    sheets.into_iter().map(picture).collect()
}

fn sheet(store: &Store, key: &Key, name: &str) -> Option<PathBuf> {
    let path = std::path::absolute(store.entry(key).out().join(name)).ok()?;
    path.exists().then_some(path)
}
