//! FaceSim as a function of how far the head in the frame is turned.

use serde::{Deserialize, Serialize};

use super::clustered::{Clustered, clustered};
use super::facesim::{cosine, faces};
use crate::metrics::observation::ClipSeen;

/// Edges of |yaw| in degrees that the curve is drawn with.
pub const YAW_EDGES_DEG: [f64; 7] = [0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0];

/// A frame's face: whose clip it is, how it is turned, how much it looks like the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Who the clip should show.
    pub identity: String,
    /// Degrees, > 0 looks up.
    pub pitch_deg: f64,
    /// Degrees, > 0 to image right.
    pub yaw_deg: f64,
    /// Cosine with the reference, as it is: a clamp would hide how far off turned faces are.
    pub similarity: f64,
}

/// What the faces of a range of poses look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Degrees, the first included and the last not, but for the last of all.
    pub from_to_deg: [f64; 2],
    /// FaceSim; `None` without a face.
    pub facesim: Option<Clustered>,
}

/// The faces of clips whose poses were read, by the recogniser of this name.
pub fn points(clips: &[ClipSeen], recogniser: &str) -> Vec<Point> {
    let of_clip = |clip: &ClipSeen| {
        let reference = clip.reference.as_ref().and_then(|face| face.embeddings.get(recogniser));
        let found = faces(clip).filter_map(|face| {
            let [pitch_deg, yaw_deg, _] = face.pitch_yaw_roll_deg?;
            let similarity = cosine(face.embeddings.get(recogniser)?, reference?);
            Some(Point { identity: clip.identity.clone(), pitch_deg, yaw_deg, similarity })
        });
        found.collect::<Vec<_>>()
    };
    clips.iter().flat_map(of_clip).collect()
}

/// FaceSim in bins of |yaw| between ascending edges in degrees. Poses outside of them are in none.
pub fn by_yaw(points: &[Point], edges_deg: &[f64]) -> Vec<Bin> {
    let bins = edges_deg.windows(2).enumerate();
    let bin = |(at, _): (usize, &[f64])| {
        let numbers: Vec<(&str, f64)> = points
            .iter()
            .filter(|point| bin_of(point.yaw_deg.abs(), edges_deg) == Some(at))
            .map(|point| (point.identity.as_str(), point.similarity))
            .collect();
        Bin {
            from_to_deg: [edges_deg[at], edges_deg[at + 1]],
            facesim: clustered(&format!("facesim by |yaw|/{at}"), &numbers),
        }
    };
    bins.map(bin).collect()
}

/// Which bin between ascending edges a value is in; the last edge belongs to the last bin.
pub fn bin_of(value: f64, edges: &[f64]) -> Option<usize> {
    let last = edges.len().checked_sub(2)?;
    if value == edges[last + 1] {
        return Some(last);
    }
    (0..=last).find(|&at| (edges[at]..edges[at + 1]).contains(&value))
}

#[cfg(test)]
mod tests {
    use super::{YAW_EDGES_DEG, bin_of, by_yaw, points};
    use crate::metrics::video::made_up::clip;

    #[test]
    fn frames_are_found_in_the_bin_of_their_yaw_with_their_raw_similarity() {
        let mut turned = clip("ann", &[Some(0.9), Some(-0.2), Some(0.3), None]);
        let poses = [[0.0, -20.0, 0.0], [0.0, 70.0, 0.0]].into_iter();
        for (frame, pose) in turned.frames.iter_mut().zip(poses) {
            frame.face.as_mut().unwrap().pitch_yaw_roll_deg = Some(pose);
        }
        let found = points(&[turned.clone(), turned], "r");
        assert_eq!(found.len(), 4, "a face whose pose nobody read is in no bin");
        let curve = by_yaw(&found, &YAW_EDGES_DEG);
        let bins: Vec<usize> = (0..6).filter(|&at| curve[at].facesim.is_some()).collect();
        assert_eq!(bins, [1, 4]);
        let turned = curve[4].facesim.unwrap();
        assert!((turned.mean + 0.2).abs() < 1e-6);
        assert_eq!((turned.count, turned.identities, curve[4].from_to_deg), (2, 1, [60.0, 75.0]));
    }

    #[test]
    fn every_edge_is_in_one_bin() {
        let places = [0.0, 14.9, 15.0, 90.0, 90.1, -1.0].map(|yaw| bin_of(yaw, &YAW_EDGES_DEG));
        assert_eq!(places, [Some(0), Some(0), Some(1), Some(5), None, None]);
        assert_eq!(bin_of(1.0, &[0.0]), None);
        assert_eq!(bin_of(f64::NAN, &YAW_EDGES_DEG), None);
    }
}
