//! FaceSim as a map over yaw and pitch of the head in the frame.

use std::collections::BTreeMap;

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
        let (numbers, outside) = sorted(points, yaw_edges_deg, pitch_edges_deg);
        Self::of_cells((&numbers, outside), yaw_edges_deg, pitch_edges_deg)
    }

    /// How far the faces of `one` set are above those of the `other`, cell by cell: a person's mean
    /// less the same person's, over the people whom both have there. A cell counts people.
    pub fn difference(
        [one, other]: [&[Point]; 2],
        yaw_edges_deg: &[f64],
        pitch_edges_deg: &[f64],
    ) -> Self {
        let (mine, my_outside) = sorted(one, yaw_edges_deg, pitch_edges_deg);
        let (others, outside) = sorted(other, yaw_edges_deg, pitch_edges_deg);
        let gains: Vec<Numbers<'_>> =
            mine.iter().zip(&others).map(|(mine, others)| gains(mine, others)).collect();
        Self::of_cells((&gains, my_outside + outside), yaw_edges_deg, pitch_edges_deg)
    }

    fn of_cells(
        (numbers, outside): (&[Numbers<'_>], usize),
        yaw_edges_deg: &[f64],
        pitch_edges_deg: &[f64],
    ) -> Self {
        let columns = yaw_edges_deg.len().saturating_sub(1);
        let rows = pitch_edges_deg.len().saturating_sub(1);
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

/// What a cell holds: whose number, and the number.
type Numbers<'a> = Vec<(&'a str, f64)>;

/// The faces of each cell, row by row, and how many are in none.
fn sorted<'a>(
    points: &'a [Point],
    yaw_edges_deg: &[f64],
    pitch_edges_deg: &[f64],
) -> (Vec<Numbers<'a>>, usize) {
    let columns = yaw_edges_deg.len().saturating_sub(1);
    let rows = pitch_edges_deg.len().saturating_sub(1);
    let mut numbers = vec![Vec::new(); rows * columns];
    let mut outside = 0;
    for point in points {
        let column = bin_of(point.yaw_deg, yaw_edges_deg);
        match (bin_of(point.pitch_deg, pitch_edges_deg), column) {
            (Some(row), Some(column)) => {
                numbers[row * columns + column].push((point.identity.as_str(), point.similarity));
            }
            _ => outside += 1,
        }
    }
    (numbers, outside)
}

/// Each person's mean among `mine` less that among `others`, of whom both have.
fn gains<'a>(mine: &Numbers<'a>, others: &Numbers<'a>) -> Numbers<'a> {
    let others = by_person(others);
    let mine = by_person(mine).into_iter();
    mine.filter_map(|(person, mean)| Some((person, mean - others.get(person)?))).collect()
}

/// Each person's mean.
fn by_person<'a>(numbers: &[(&'a str, f64)]) -> BTreeMap<&'a str, f64> {
    let mut sums: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    for (person, value) in numbers {
        let sum = sums.entry(person).or_default();
        *sum = (sum.0 + value, sum.1 + 1);
    }
    sums.into_iter().map(|(person, (sum, count))| (person, sum / f64::from(count))).collect()
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

    #[test]
    fn a_difference_is_taken_within_people() {
        let ours = [
            point("ann", 0.0, 0.0, 0.9),
            point("ann", 0.0, 3.0, 0.7),
            point("bob", 0.0, 5.0, 0.5),
            point("cleo", 0.0, 5.0, 0.0),
        ];
        // Whoever is in one set alone says nothing of a difference, and neither does another pose.
        let theirs = [
            point("ann", 0.0, 1.0, 0.2),
            point("bob", 0.0, 2.0, 0.4),
            point("cleo", 0.0, 60.0, 0.1),
            point("dan", 0.0, 0.0, 9.0),
        ];
        let (yaw, pitch) = (PoseMap::YAW_EDGES_DEG, PoseMap::PITCH_EDGES_DEG);
        let gain = PoseMap::difference([&ours, &theirs], &yaw, &pitch);
        let middle = gain.cells[2][4].unwrap();
        assert!((middle.mean - 0.35).abs() < 1e-12 && middle.count == 2);
        assert_eq!(gain.cells.iter().flatten().flatten().count(), 1);
    }
}
