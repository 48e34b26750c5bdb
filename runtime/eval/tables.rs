//! `frames.csv` and `clips.csv`: every number, and every clip without one with its reason.

use csv::Writer;

use super::measured::{Clip, Measured, Outcome, Scored};
use crate::{
    engine::work::StageError,
    metrics::observation::{FaceSeen, FrameSeen},
};

/// `clips.csv`: a line for each line of the list. Status is `measured`, `failed` or `waiting`.
pub(super) fn clips(measured: &Measured) -> Result<Vec<u8>, StageError> {
    let metrics = metrics(measured);
    let mut table = Writer::from_writer(Vec::new());
    let fixed = [
        "line",
        "method",
        "identity",
        "prompt",
        "video",
        "reference",
        "asked",
        "status",
        "reason",
        "frames",
        "sampled",
        "unread",
        "faces",
        "prompt_tokens_left_off",
        "key",
    ];
    write(&mut table, fixed.iter().copied().chain(metrics.iter().map(String::as_str)))?;
    for clip in &measured.clips {
        let mut cells = listed(clip);
        cells.extend(match &clip.outcome {
            Outcome::Measured(scored) => told(scored),
            _ => vec![String::new(); 6],
        });
        cells.extend(metrics.iter().map(|metric| value(clip, metric)));
        write(&mut table, cells.iter().map(String::as_str))?;
    }
    finished(table)
}

/// `frames.csv`: a line for each frame that faces were looked for in. Degrees as everywhere in
/// ffrun; similarities are cosines with the reference, as they are; `unread` says why a frame could
/// not be read.
pub(super) fn frames(measured: &Measured) -> Result<Vec<u8>, StageError> {
    let recognisers: Vec<&String> = measured.networks.recognisers.keys().collect();
    let mut table = Writer::from_writer(Vec::new());
    let fixed = [
        "method",
        "identity",
        "video",
        "frame",
        "faces",
        "padded",
        "confidence",
        "left",
        "top",
        "right",
        "bottom",
        "pitch_deg",
        "yaw_deg",
        "roll_deg",
        "clip_score",
        "clip_score_bgr",
    ];
    let last = ["unread".to_owned()];
    let named = recognisers.iter().map(|name| format!("similarity@{name}"));
    let header: Vec<String> =
        fixed.map(str::to_owned).into_iter().chain(named).chain(last).collect();
    write(&mut table, header.iter().map(String::as_str))?;
    for (row, scored) in measured.scored(None) {
        for frame in &scored.seen.frames {
            let mut cells = [&row.method, &row.identity, &row.video].map(Clone::clone).to_vec();
            cells.extend(seen(frame));
            let reference = scored.seen.reference.as_ref();
            cells.extend(recognisers.iter().map(|name| similarity(frame, reference, name)));
            cells.push(frame.unread.clone().unwrap_or_default());
            write(&mut table, cells.iter().map(String::as_str))?;
        }
    }
    finished(table)
}

/// Every metric that some clip has, in the order in which clips have them.
pub(super) fn metrics(measured: &Measured) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (_, scored) in measured.scored(None) {
        for value in &scored.values {
            if !names.contains(&value.metric) {
                names.push(value.metric.clone());
            }
        }
    }
    names
}

/// Cosine of a frame's face with the reference by a recogniser.
pub(super) fn cosine_with(
    frame: &FrameSeen,
    reference: Option<&FaceSeen>,
    recogniser: &str,
) -> Option<f64> {
    let own = frame.face.as_ref()?.embeddings.get(recogniser)?;
    let other = reference?.embeddings.get(recogniser)?;
    // Both are unit vectors.
    Some(own.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
}

fn listed(clip: &Clip) -> Vec<String> {
    let row = &clip.row;
    let (status, reason) = match &clip.outcome {
        Outcome::Measured(_) => ("measured", ""),
        Outcome::Failed(reason) => ("failed", reason.as_str()),
        Outcome::Waiting => ("waiting", ""),
    };
    let prompt = row.prompt.clone().unwrap_or_default();
    let asked = row.movement.map(|movement| movement.to_string()).unwrap_or_default();
    let texts = [&row.method, &row.identity, &prompt, &row.video, &row.reference, &asked];
    let mut cells = vec![row.line.to_string()];
    cells.extend(texts.into_iter().cloned().chain([status, reason].map(str::to_owned)));
    cells
}

fn told(scored: &Scored) -> Vec<String> {
    let frames = &scored.seen.frames;
    let faces = frames.iter().filter(|frame| frame.face.is_some()).count();
    let unread = frames.iter().filter(|frame| frame.unread.is_some()).count();
    let counts = [scored.frames, frames.len(), unread, faces, scored.tokens_left_off];
    let key = scored.stages.clip.to_string();
    counts.map(|count| count.to_string()).into_iter().chain([key]).collect()
}

fn value(clip: &Clip, metric: &str) -> String {
    let Outcome::Measured(scored) = &clip.outcome else { return String::new() };
    let found = scored.values.iter().find(|value| value.metric == metric);
    found.map_or_else(String::new, |value| value.value.to_string())
}

fn seen(frame: &FrameSeen) -> Vec<String> {
    let mut cells = vec![frame.frame.to_string()];
    if let Some(face) = &frame.face {
        cells.extend([face.faces.to_string(), face.padded.to_string()]);
        cells.push(face.confidence.to_string());
        cells.extend(face.box_px.map(|edge| edge.to_string()));
        let angles = face.pitch_yaw_roll_deg.map(|angles| angles.map(|deg| deg.to_string()));
        cells.extend(angles.unwrap_or_default());
    } else {
        cells.push("0".to_owned());
        cells.resize(11, String::new());
    }
    let scores = [frame.clip_score, frame.clip_score_bgr];
    cells.extend(scores.map(|score| score.map_or_else(String::new, |score| score.to_string())));
    cells
}

fn similarity(frame: &FrameSeen, reference: Option<&FaceSeen>, recogniser: &str) -> String {
    let found = cosine_with(frame, reference, recogniser);
    found.map_or_else(String::new, |cosine| cosine.to_string())
}

fn write<'a>(
    table: &mut Writer<Vec<u8>>,
    cells: impl Iterator<Item = &'a str>,
) -> Result<(), StageError> {
    table.write_record(cells).map_err(|error| failed(&error))
}

fn finished(table: Writer<Vec<u8>>) -> Result<Vec<u8>, StageError> {
    table.into_inner().map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError::Failed(format!("cannot write a table: {error}"))
}
