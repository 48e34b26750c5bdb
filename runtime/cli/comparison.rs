//! Samples of all settings side by side: reference, what was filmed, what each setting made of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ffrun_reports::{
    page::{Picture, PictureSource},
    side_by_side::{Column, side_by_side},
};
use image::RgbImage;

use super::{exit::Exit, labels::values};
use crate::{
    data::heads::Family,
    engine::{Graph, Key, Store, files},
    script::Experiment,
    stages::clipset::Clips,
};

/// Most settings side by side; of more, some are shown, spread over all.
const SETTINGS: usize = 10;
/// Frames a second where the clips do not say.
const FPS: f64 = 4.0;
/// What the files are called, before a digest of what they show.
const NAME: &str = "side-by-side-";

/// What one setting made, and of which clips.
pub(super) struct Made {
    /// The `generate` stage.
    pub(super) videos: Key,
    /// The `clips` stage it was asked for.
    pub(super) asked: Option<Key>,
    heading: String,
}

/// The first seed of every setting that generates clips, in the order of the trials.
pub(super) fn made(graph: &Graph) -> Vec<Made> {
    let mut first: BTreeMap<String, u64> = BTreeMap::new();
    let mut made = Vec::new();
    for trial in graph.trials() {
        let settings = serde_json::to_string(&trial.settings).unwrap_or_default();
        if *first.entry(settings).or_insert(trial.seed) != trial.seed {
            continue;
        }
        let judged = measurements(graph, trial.output);
        let found = judged
            .into_iter()
            .find_map(|inputs| Some((*inputs.get("videos")?, inputs.get("asked").copied())));
        // What was filmed has a column of its own.
        if let Some((videos, asked)) = found
            && asked != Some(videos)
        {
            made.push(Made { videos, asked, heading: values(trial) });
        }
    }
    made
}

/// Inputs of a trial's measurement, or of each of several that were added up.
fn measurements(graph: &Graph, output: Key) -> Vec<&BTreeMap<String, Key>> {
    let Some(stage) = graph.stage(&output) else { return Vec::new() };
    if stage.kind == "together" {
        return stage.inputs.values().flat_map(|key| measurements(graph, *key)).collect();
    }
    vec![&stage.inputs]
}

/// A moving sheet for each set of clips that at least two settings have made something of. Sheets are
/// files in the report's folder, drawn anew when there is more to show.
pub(super) fn sheets(
    experiment: &Experiment,
    store: &Store,
    folder: &Path,
) -> Result<Vec<Picture>, Exit> {
    let graph = &experiment.graph;
    let done = |key: &Key| store.entry(key).out().join("clips.safetensors").exists();
    let mut groups: Vec<(Key, Vec<Made>)> = Vec::new();
    for one in made(graph).into_iter().filter(|one| done(&one.videos)) {
        let Some(asked) = one.asked else { continue };
        match groups.iter_mut().find(|(known, _)| *known == asked) {
            Some((_, group)) => group.push(one),
            None => groups.push((asked, vec![one])),
        }
    }
    let mut pictures = Vec::new();
    let mut kept = Vec::new();
    for (asked, group) in groups.iter().filter(|(_, group)| group.len() > 1) {
        let name = format!("{NAME}{}.gif", digest(*asked, group));
        let path = absolute(&folder.join(&name))?;
        if !path.exists() {
            files::write_atomic(&path, &draw(graph, store, (*asked, group))?)?;
        }
        pictures.push(picture(path, group));
        kept.push(name);
    }
    sweep(folder, &kept);
    Ok(pictures)
}

/// A page takes paths that are not absolute as seen from its own folder.
fn absolute(path: &Path) -> Result<PathBuf, Exit> {
    std::path::absolute(path)
        .map_err(|error| Exit::Plain { code: 6, message: format!("`{}`: {error}", path.display()) })
}

fn digest(asked: Key, group: &[Made]) -> String {
    let mut shown = asked.to_string();
    for one in group {
        shown += &one.videos.to_string();
        shown += &one.heading;
    }
    blake3::hash(shown.as_bytes()).to_hex()[..8].to_owned()
}

/// Earlier sheets of this report. Whatever cannot be removed does no harm.
fn sweep(folder: &Path, kept: &[String]) {
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.starts_with(NAME) && !kept.contains(&name) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

fn draw(graph: &Graph, store: &Store, (asked, group): (Key, &[Made])) -> Result<Vec<u8>, Exit> {
    let read = |key: &Key| {
        Clips::read(&store.entry(key).out())
            .map_err(|error| Exit::Plain { code: 5, message: error.to_string() })
    };
    let filmed = read(&asked)?;
    let rows = one_of_each_family(&filmed);
    let tiles = |clips: &Clips| {
        let film = |row: &(usize, String)| {
            (0..clips.frames).filter_map(|frame| tile(clips.frame(row.0, frame), clips)).collect()
        };
        rows.iter().map(film).collect::<Vec<Vec<RgbImage>>>()
    };
    let still = |row: &(usize, String)| {
        tile(filmed.reference(row.0), &filmed).into_iter().collect::<Vec<_>>()
    };
    let mut columns = vec![
        Column { heading: "reference".into(), tiles: rows.iter().map(still).collect() },
        Column { heading: "filmed".into(), tiles: tiles(&filmed) },
    ];
    for one in spread(group) {
        columns.push(Column { heading: one.heading.clone(), tiles: tiles(&read(&one.videos)?) });
    }
    let words: Vec<String> = rows.iter().map(|(_, family)| family.clone()).collect();
    let fps = graph.stage(&asked).and_then(|stage| stage.spec.get("fps")?.as_f64()).unwrap_or(FPS);
    side_by_side(&columns, &words, fps)
        .map_err(|error| Exit::Plain { code: 6, message: error.to_string() })
}

/// A clip of each family, each of another person while there are enough, in the families' order.
fn one_of_each_family(clips: &Clips) -> Vec<(usize, String)> {
    let families = Family::ALL.map(Family::name);
    let mut people: Vec<&str> = Vec::new();
    for label in &clips.labels {
        if people.last() != Some(&label.identity.as_str()) {
            people.push(&label.identity);
        }
    }
    let mut rows = Vec::new();
    for (place, family) in families.into_iter().enumerate() {
        let of_family = |label: &crate::stages::clipset::ClipLabel| label.family == family;
        let person = people.get(place * people.len() / families.len());
        let own = clips
            .labels
            .iter()
            .position(|label| of_family(label) && Some(&label.identity.as_str()) == person);
        if let Some(clip) = own.or_else(|| clips.labels.iter().position(of_family)) {
            rows.push((clip, family.to_owned()));
        }
    }
    rows
}

fn tile(pixels: &[u8], clips: &Clips) -> Option<RgbImage> {
    let side = clips.size_px as u32;
    RgbImage::from_raw(side, side, pixels.to_vec())
}

/// At most as many as fit, the first and the last among them.
fn spread(group: &[Made]) -> impl Iterator<Item = &Made> {
    let shown = group.len().min(SETTINGS);
    (0..shown).map(move |place| &group[place * (group.len() - 1) / (shown - 1).max(1)])
}

fn picture(path: PathBuf, group: &[Made]) -> Picture {
    let all = if group.len() > SETTINGS {
        format!(" {SETTINGS} of {} settings are shown.", group.len())
    } else {
        String::new()
    };
    Picture {
        title: "Side by side".to_owned(),
        source: PictureSource::File(path),
        caption: format!(
            "Unseen people, another in each row while there are enough: the reference, what was filmed, \
             and what each setting made of reference and caption from the same noise, by its first \
             seed.{all}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Made, SETTINGS, made, spread};
    use crate::engine::{Graph, Stage, Trial};

    /// A trial that adds up two measurements, the second one of videos.
    fn graph() -> Graph {
        let mut graph = Graph::default();
        let clips = graph.add(Stage::new("clips", 1, json!({})));
        for (place, seed) in [(0, 0), (0, 1), (1, 0)] {
            let spec = json!({ "place": place, "seed": seed });
            let videos = graph.add(Stage::new("generate", 1, spec.clone()).reading("asked", clips));
            let judge =
                Stage::new("judge", 1, json!({})).reading("videos", videos).reading("asked", clips);
            let judge = graph.add(judge);
            let aligner = graph.add(Stage::new("evaluate", 1, spec));
            let both =
                Stage::new("together", 1, json!({})).reading("a", aligner).reading("b", judge);
            let output = graph.add(both);
            let settings = [("place".to_owned(), json!(place))].into();
            graph.push_trial(Trial { settings, seed, output });
        }
        graph
    }

    #[test]
    fn every_setting_shows_its_first_seed_once() {
        let headings: Vec<String> = made(&graph()).into_iter().map(|one| one.heading).collect();
        assert_eq!(headings, ["place 0", "place 1"]);
    }

    #[test]
    fn of_many_settings_the_first_and_the_last_are_shown() {
        let videos = made(&graph())[0].videos;
        let named = |place: i32| Made { videos, asked: None, heading: place.to_string() };
        let many: Vec<_> = (0..24).map(named).collect();
        let shown: Vec<_> = spread(&many).map(|one| one.heading.as_str()).collect();
        assert_eq!((shown.len(), shown[0], shown[SETTINGS - 1]), (SETTINGS, "0", "23"));
        assert_eq!(spread(&many[..1]).count(), 1);
    }
}
