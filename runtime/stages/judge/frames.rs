//! What was measured frame by frame, as CSV.

use std::path::Path;

use super::{identity::Similarities, movement::Poses};
use crate::{
    engine::{files, work::StageError},
    stages::clipset::Clips,
};

/// Name of the file in a `judge` result.
const FILE: &str = "frames.csv";

/// Writes a row for each frame: whose, which, asked and found pose, presence, similarities.
pub(super) fn write(
    folder: &Path,
    asked: &Clips,
    poses: &Poses,
    similarities: &Similarities,
) -> Result<(), StageError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["identity", "family", "take", "frame"];
    header.extend(["asked_pitch_deg", "asked_yaw_deg", "asked_roll_deg", "asked_visible"]);
    header.extend(["pitch_deg", "yaw_deg", "roll_deg", "presence"]);
    header.extend(similarities.iter().map(|(name, _)| *name));
    let failed = |error: &dyn ToString| {
        StageError::Failed(format!("cannot write CSV: {}", error.to_string()))
    };
    writer.write_record(header).map_err(|error| failed(&error))?;
    for (clip, label) in asked.labels.iter().enumerate() {
        for (frame, seen) in poses.of(clip).iter().enumerate() {
            let mut row = vec![label.identity.clone(), label.family.clone()];
            row.extend([label.take.to_string(), frame.to_string()]);
            row.extend(label.pose_deg[frame].map(|angle| format!("{angle:.2}")));
            row.push(format!("{:.3}", label.visible[frame]));
            row.extend(seen.euler.to_degrees().map(|angle| format!("{angle:.2}")));
            row.push(format!("{:.4}", seen.presence));
            let at = clip * asked.frames + frame;
            row.extend(similarities.iter().map(|(_, values)| format!("{:.5}", values[at])));
            writer.write_record(row).map_err(|error| failed(&error))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    Ok(files::write_atomic(&folder.join(FILE), &bytes)?)
}
