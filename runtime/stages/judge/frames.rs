//! What was measured frame by frame, as CSV.

use std::path::Path;

use serde::Deserialize;

use super::{
    identity::Similarities,
    movement::{PRESENT, Poses},
};
use crate::{
    engine::{files, work::StageError},
    stages::clipset::Clips,
};

/// Name of the file in a `judge` result.
pub const FILE: &str = "frames.csv";

/// What was measured of a frame.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Row {
    /// The person whom the clip should show.
    pub identity: String,
    /// Pitch that was found, degrees, > 0 up.
    pub pitch_deg: f64,
    /// Yaw that was found, degrees, > 0 to image right.
    pub yaw_deg: f64,
    /// Probability that there is a face.
    presence: f64,
    /// Similarity to the reference by the ArcFace recogniser.
    pub facesim_arc_in_world: f64,
    /// The same by the CurricularFace recogniser.
    pub facesim_cur_in_world: f64,
}

/// The frames of a `judge` result that show a face.
///
/// # Errors
/// When the file is missing or no such CSV.
pub fn faces(path: &Path) -> Result<Vec<Row>, csv::Error> {
    let mut rows = Vec::new();
    for row in csv::Reader::from_path(path)?.deserialize() {
        let row: Row = row?;
        if row.presence > f64::from(PRESENT) {
            rows.push(row);
        }
    }
    Ok(rows)
}

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

#[cfg(test)]
mod tests {
    use super::{FILE, faces};

    #[test]
    fn only_frames_with_a_face_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let header = "identity,family,take,frame,asked_pitch_deg,asked_yaw_deg,asked_roll_deg,\
                      asked_visible,pitch_deg,yaw_deg,roll_deg,presence,facesim_arc_in_world,\
                      facesim_cur_in_world";
        let rows = "test-00000,boxing,0,0,1,2,3,1.000,-4.5,60.25,0.1,0.9000,0.25,-0.5\n\
                    test-00000,boxing,0,1,1,2,3,1.000,-4.5,60.25,0.1,0.4000,0.25,-0.5\n";
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        let found = faces(&path).unwrap();
        assert_eq!(found.len(), 1);
        let face = &found[0];
        assert_eq!(
            (face.identity.as_str(), face.pitch_deg, face.yaw_deg),
            ("test-00000", -4.5, 60.25)
        );
        assert_eq!((face.facesim_arc_in_world, face.facesim_cur_in_world), (0.25, -0.5));
        assert!(faces(&folder.path().join("none.csv")).is_err());
    }
}
