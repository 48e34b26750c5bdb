//! From a list to stages: one for each different clip and one for each different reference.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use rayon::prelude::*;

use super::{
    eyes::Sight,
    list::{List, Row},
    viewer::{CLIP, REFERENCE},
};
use crate::{
    engine::{Graph, Key, Stage},
    metrics::video::Rules,
    spec::{SEEN, SeenSpec},
    video::{Decoder, Ffmpeg},
};

/// How clips are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Whose rules.
    pub rules: Rules,
    /// Frames of a clip.
    pub frames: usize,
}

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every stage.
    pub graph: Graph,
    /// Stage → what it looks at, as listed.
    pub names: BTreeMap<Key, String>,
    /// Digest → a file of these bytes.
    pub paths: BTreeMap<String, PathBuf>,
    /// One for each line of the list.
    pub rows: Vec<Planned>,
}

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The line.
    pub row: Row,
    /// The stages that see it, or why it cannot be seen.
    pub stages: Result<Pair, String>,
}

/// The stages of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Looks at the clip.
    pub clip: Key,
    /// Looks at the reference.
    pub reference: Key,
}

impl Plan {
    /// Plans a list. Reads every file once, for its digest; one that cannot be read is the error of
    /// its line and of no other.
    pub fn new(
        list: &List,
        sight: &Sight,
        sampling: Sampling,
        (ffmpeg, stop): (&Ffmpeg, &AtomicBool),
    ) -> Self {
        let digests = digests(list, Decoder { ffmpeg, stop });
        let mut plan = Self::default();
        for row in &list.rows {
            let stages = plan.pair(row, sight, sampling, &digests);
            plan.rows.push(Planned { row: row.clone(), stages });
        }
        plan
    }

    fn pair(
        &mut self,
        row: &Row,
        sight: &Sight,
        sampling: Sampling,
        digests: &Digests,
    ) -> Result<Pair, String> {
        let digest = |path: &Path| digests.get(path).cloned().unwrap_or_else(|| Err(String::new()));
        let clip = digest(&row.video_path)?;
        let picture = digest(&row.reference_path).map_err(|why| format!("reference: {why}"))?;
        // A reference is a picture: of a clip the first frame.
        let first = SeenSpec {
            rules: Rules::Ffrun,
            sampled: 1,
            prompt: None,
            options: sight.options.clone(),
        };
        let reference =
            self.add(stage(sight, &first, &picture), (&row.reference, &row.reference_path));
        let spec = SeenSpec {
            rules: sampling.rules,
            sampled: sampling.frames,
            prompt: row.prompt.clone().filter(|_| sight.networks.text.is_some()),
            ..first
        };
        let mut looking = stage(sight, &spec, &clip);
        if sight.by_reference {
            looking = looking.reading(REFERENCE, reference);
        }
        let clip = self.add(looking, (&row.video, &row.video_path));
        Ok(Pair { clip, reference })
    }

    fn add(&mut self, stage: Stage, (name, path): (&str, &Path)) -> Key {
        let digest = stage.digests.get(CLIP).cloned().unwrap_or_default();
        self.paths.entry(digest).or_insert_with(|| path.to_owned());
        let key = self.graph.add(stage);
        self.names.entry(key).or_insert_with(|| name.to_owned());
        key
    }
}

type Digests = BTreeMap<PathBuf, Result<String, String>>;

fn stage(sight: &Sight, spec: &SeenSpec, digest: &str) -> Stage {
    let spec = serde_json::to_value(spec).unwrap_or_default();
    let mut stage = Stage::new(SEEN.0, SEEN.1, spec);
    let networks = sight.digests.iter();
    stage.digests =
        networks.map(|(name, digest)| (format!("network {name}"), digest.clone())).collect();
    stage.digests.insert(CLIP.to_owned(), digest.to_owned());
    stage
}

fn digests(list: &List, decoder: Decoder<'_>) -> Digests {
    let paths = list.rows.iter().flat_map(|row| [&row.video_path, &row.reference_path]);
    let mut paths: Vec<&PathBuf> = paths.collect();
    paths.sort();
    paths.dedup();
    let digest = |path: &&PathBuf| {
        let digest = decoder.open(path).and_then(|clip| clip.digest());
        ((*path).clone(), digest.map_err(|error| error.to_string()))
    };
    paths.par_iter().map(digest).collect()
}
