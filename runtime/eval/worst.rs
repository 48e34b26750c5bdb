//! The contact sheet: of each method the frames that look least like their reference.

use std::path::PathBuf;

use ffrun_reports::contact::{Pair, sheet as contact_sheet};
use image::RgbImage;

use super::{
    list::Row,
    measured::{Measured, Scored},
    observed::{self, Observed},
    report::Failure,
    tables::cosine_with,
};
use crate::engine::Store;

/// Frames of a method that are shown.
const OF_A_METHOD: usize = 8;
/// Frames of one clip that are shown: the worst clip should not hide the others.
const OF_A_CLIP: usize = 2;

/// A frame that may be shown.
struct Candidate<'a> {
    row: &'a Row,
    scored: &'a Scored,
    frame: usize,
    /// Nothing for a frame without a face.
    similarity: Option<f64>,
}

/// The sheet as a PNG; nothing when no clip was measured. Similarity is by the first recogniser.
pub(super) fn sheet(measured: &Measured, store: &Store) -> Result<Option<Vec<u8>>, Failure> {
    let Some(recogniser) = measured.networks.recognisers.keys().next() else { return Ok(None) };
    let mut pairs = Vec::new();
    for method in methods(measured) {
        for chosen in worst(measured, method, recogniser) {
            pairs.extend(pair(&chosen, store));
        }
    }
    Ok(if pairs.is_empty() { None } else { Some(contact_sheet(&pairs)?) })
}

fn methods(measured: &Measured) -> Vec<&str> {
    let mut methods: Vec<&str> = Vec::new();
    for (row, _) in measured.scored(None) {
        if !methods.contains(&row.method.as_str()) {
            methods.push(&row.method);
        }
    }
    methods
}

fn worst<'a>(measured: &'a Measured, method: &'a str, recogniser: &str) -> Vec<Candidate<'a>> {
    let mut chosen = Vec::new();
    for (row, scored) in measured.scored(Some(method)) {
        let reference = scored.seen.reference.as_ref();
        let mut frames: Vec<Candidate> = scored
            .seen
            .frames
            .iter()
            .map(|frame| Candidate {
                row,
                scored,
                frame: frame.frame,
                similarity: cosine_with(frame, reference, recogniser),
            })
            .collect();
        frames.dedup_by_key(|candidate| candidate.frame);
        sort(&mut frames);
        chosen.extend(frames.into_iter().take(OF_A_CLIP));
    }
    sort(&mut chosen);
    chosen.truncate(OF_A_METHOD);
    chosen
}

/// Faces of another person first: a frame without a face is seen in the face rate.
fn sort(candidates: &mut [Candidate]) {
    let key = |candidate: &Candidate| candidate.similarity.unwrap_or(f64::INFINITY);
    candidates.sort_by(|a, b| key(a).total_cmp(&key(b)));
}

fn pair(candidate: &Candidate, store: &Store) -> Option<Pair> {
    let Candidate { row, scored, frame, similarity } = candidate;
    let reference = store.entry(&scored.stages.reference).out();
    let first = Observed::read(&reference).ok()?.seen.first()?.frame;
    let left = store.entry(&scored.stages.clip).out().join(observed::thumbnail(*frame));
    let similarity = similarity.map_or("no face".to_owned(), |cosine| format!("{cosine:.3}"));
    Some(Pair {
        left: read(left)?,
        right: read(reference.join(observed::thumbnail(first)))?,
        words: vec![
            format!("{similarity} · {}", row.method),
            format!("{} · frame {frame}", row.video),
            row.identity.clone(),
        ],
    })
}

fn read(path: PathBuf) -> Option<RgbImage> {
    Some(image::open(path).ok()?.to_rgb8())
}
