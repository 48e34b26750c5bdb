//! FaceSim as a map over yaw and pitch of the head in the frame.

use serde::{Deserialize, Serialize};

use super::clustered::{Clustered, clustered};
use super::pose_curve::{Point, bin_of};

/// FaceSim of faces by pose, row by row from the lowest pitch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoseMap {
    /// Ascending edges of the columns, degrees, > 0 to image right.
    pub yaw_edges_deg: Vec<f64>,
    /// Ascending edges of the rows, degrees, > 0 up.
    pub pitch_edges_deg: Vec<f64>,
    /// Rows of cells; `None` without a face.
    pub cells: Vec<Vec<Option<Clustered>>>,
    /// Faces outside of the edges.
    pub outside: usize,
}

impl PoseMap {
    /// Edges that maps are drawn with: yaw.
    pub const YAW_EDGES_DEG: [f64; 10] =
        [-90.0, -70.0, -50.0, -30.0, -10.0, 10.0, 30.0, 50.0, 70.0, 90.0];
    /// Edges that maps are drawn with: pitch.
    pub const PITCH_EDGES_DEG: [f64; 6] = [-60.0, -30.0, -10.0, 10.0, 30.0, 60.0];

    /// Sorts faces into cells between ascending edges.
    pub fn new(points: &[Point], yaw_edges_deg: &[f64], pitch_edges_deg: &[f64]) -> Self {
        let columns = yaw_edges_deg.len().saturating_sub(1);
        let rows = pitch_edges_deg.len().saturating_sub(1);
        let mut numbers: Vec<Vec<(&str, f64)>> = vec![Vec::new(); rows * columns];
        let mut outside = 0;
        for point in points {
            let column = bin_of(point.yaw_deg, yaw_edges_deg);
            match (bin_of(point.pitch_deg, pitch_edges_deg), column) {
                (Some(row), Some(column)) => numbers[row * columns + column]
                    .push((point.identity.as_str(), point.similarity)),
                _ => outside += 1,
            }
        }
        let cell = |row: usize, column: usize| {
            let name = format!("facesim by pose/{row}/{column}");
            clustered(&name, &numbers[row * columns + column])
        };
        let row = |row: usize| (0..columns).map(|column| cell(row, column)).collect();
        Self {
            yaw_edges_deg: yaw_edges_deg.to_vec(),
            pitch_edges_deg: pitch_edges_deg.to_vec(),
            cells: (0..rows).map(row).collect(),
            outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, PoseMap};

    fn point(identity: &str, pitch_deg: f64, yaw_deg: f64, similarity: f64) -> Point {
        Point { identity: identity.to_owned(), pitch_deg, yaw_deg, similarity }
    }

    #[test]
    fn faces_are_counted_once_in_the_cell_of_their_pose() {
        let points = [
            point("ann", 0.0, 0.0, 0.9),
            point("bob", 0.0, 5.0, 0.7),
            point("bob", 35.0, -90.0, 0.1),
            point("ann", 170.0, 20.0, 0.5),
        ];
        let (yaw, pitch) = (PoseMap::YAW_EDGES_DEG, PoseMap::PITCH_EDGES_DEG);
        let map = PoseMap::new(&points, &yaw, &pitch);
        assert_eq!((map.cells.len(), map.cells[0].len(), map.outside), (5, 9, 1));
        let (middle, corner) = (map.cells[2][4].unwrap(), map.cells[4][0].unwrap());
        assert!((middle.mean - 0.8).abs() < 1e-12 && middle.identities == 2);
        assert!((corner.mean - 0.1).abs() < 1e-12 && corner.count == 1);
        assert_eq!(map.cells.iter().flatten().flatten().map(|cell| cell.count).sum::<usize>(), 3);
        assert!(PoseMap::new(&points, &[], &[]).cells.is_empty());
    }
}
