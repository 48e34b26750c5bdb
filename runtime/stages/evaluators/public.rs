//! Public networks in the user's own folder, known by their content.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::super::scores::Score;
use crate::{
    engine::{KnownFiles, stage::Stage, work::StageError},
    spec::PublicSpec,
    vision::{FaceReader, Networks, Options, Shelf, VisionError},
};

/// Before the name of a network, the digest of its card and its files.
const NETWORK: &str = "network ";
/// Before the name of a network, the digest of its file.
const FILE: &str = "file ";
/// Before the name of a person and of a file, the digest of a photograph.
const PHOTOGRAPH: &str = "photograph ";

/// Public networks that were found in a folder.
#[derive(Clone, Debug)]
pub struct PublicFiles {
    /// Which they are.
    pub spec: PublicSpec,
    /// What decides what they see: part of every key.
    pub digests: BTreeMap<String, String>,
    /// Files that their stages have to find again, by their roles there.
    pub files: Vec<(String, PathBuf)>,
}

impl PublicFiles {
    /// The first detector, the first two recognisers and the first pose estimator in a folder.
    ///
    /// # Errors
    /// When there is no detector or no recogniser, or a file cannot be read.
    pub fn find(weights: &Path) -> Result<Self, StageError> {
        let networks = Shelf::open(Some(weights)).and_then(|shelf| shelf.networks(&[]));
        let networks = looking(networks.map_err(refused)?);
        let name = |network: &crate::vision::Installed| network.card.name.clone();
        let spec = PublicSpec {
            detector: name(&networks.detector),
            recognisers: networks.recognisers.iter().map(name).collect(),
            pose: networks.pose.as_ref().map(name),
            options: serde_json::json!(Options::default()),
        };
        let file = |network| (format!("{FILE}{}", name(network)), network.path.clone());
        Ok(Self { spec, digests: digests(&networks)?, files: networks.all().map(file).collect() })
    }
}

/// The photographs in a folder that holds a folder for each person, in the order of their names.
///
/// # Errors
/// When the folder cannot be read, or holds fewer than two people.
pub fn photographs_in(folder: &Path) -> Result<Vec<(String, PathBuf)>, StageError> {
    let mut found = Vec::new();
    for person in children(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in children(&person)?.into_iter().filter(|path| path.is_file()) {
            let of =
                |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !of(&file).starts_with('.') {
                found.push((format!("{PHOTOGRAPH}{}/{}", of(&person), of(&file)), file));
            }
        }
    }
    let mut people: Vec<&str> = found.iter().filter_map(|(role, _)| person_of(role)).collect();
    people.dedup();
    if people.len() < 2 {
        return Err(StageError::Environment(format!(
            "`{}` holds photographs of {} people; it needs a folder of photographs for each of two \
             people or more",
            folder.display(),
            people.len()
        )));
    }
    Ok(found)
}

/// The person whose photograph this role of a stage's digest is; nothing for other files.
pub(super) fn person_of(role: &str) -> Option<&str> {
    role.strip_prefix(PHOTOGRAPH)?.split_once('/').map(|(person, _)| person)
}

/// Opens the networks of a stage, found by their content.
pub(super) fn reader(
    stage: &Stage,
    spec: &PublicSpec,
    known: &KnownFiles,
) -> Result<FaceReader, StageError> {
    let path = find(stage, &format!("{FILE}{}", spec.detector), known)?;
    let names = [&spec.detector].into_iter().chain(&spec.recognisers).chain(&spec.pose);
    let names: Vec<String> = names.cloned().collect();
    let shelf = Shelf::open(path.parent()).map_err(refused)?;
    let networks = looking(shelf.networks(&names).map_err(refused)?);
    let same = |(role, digest): (&String, &String)| stage.digests.get(role) == Some(digest);
    if !digests(&networks)?.iter().all(same) {
        let folder = path.parent().unwrap_or(&path).display();
        return Err(StageError::Environment(format!(
            "the networks in `{folder}` are others than the experiment was planned with; plan it again"
        )));
    }
    let options = serde_json::from_value(spec.options.clone())
        .map_err(|error| StageError::Failed(format!("the options cannot be read: {error}")))?;
    FaceReader::new(&networks, options).map_err(refused)
}

/// A file of a stage as it is now, by its digest.
pub(super) fn find(stage: &Stage, role: &str, known: &KnownFiles) -> Result<PathBuf, StageError> {
    let digest = stage.digests.get(role).map(String::as_str).unwrap_or_default();
    known.with_digest(digest, None)?.ok_or_else(|| {
        StageError::Environment(format!(
            "the {role} (blake3 {digest}) is gone or has changed; put it back, or plan again with \
             `-P weights=` and `-P photographs=` where they are now"
        ))
    })
}

/// Numbers of people under a metric's name.
pub(super) fn by_person<'a>(
    metric: &str,
    people: impl IntoIterator<Item = &'a str>,
    values: &[f64],
) -> Vec<Score> {
    let score = |(person, value): (&str, &f64)| Score {
        metric: metric.to_owned(),
        identity: Some(person.to_owned()),
        value: *value,
    };
    people.into_iter().zip(values).map(score).collect()
}

/// Cosine of two unit vectors.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Without what is not looked at here, and with two recognisers at most.
fn looking(mut networks: Networks) -> Networks {
    networks.recognisers.truncate(2);
    Networks { features: None, clip: None, ..networks }
}

fn digests(networks: &Networks) -> Result<BTreeMap<String, String>, StageError> {
    let digests = networks.digests().map_err(refused)?;
    Ok(digests.into_iter().map(|(name, digest)| (format!("{NETWORK}{name}"), digest)).collect())
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, StageError> {
    let unreadable = |error| {
        StageError::Environment(format!("cannot read the folder `{}`: {error}", folder.display()))
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

/// What is wrong with weights is a matter of this machine.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn refused(error: VisionError) -> StageError {
    StageError::Environment(error.to_string())
}
