//! Two rows of teeth behind the lips, seen when the mouth opens.

use super::mesh::HeadMesh;
use super::vector::{V3, add, sub};

const ACROSS: usize = 13;
/// Vertices of the mesh that the rows follow: inside of the upper and of the lower lip.
const UPPER_ANCHOR: usize = 571;
const LOWER_ANCHOR: usize = 557;

/// Rows of teeth.
pub(crate) struct Rows {
    /// Place, and coordinates for colour: teeth across, 0 (gum) … 1 (edge), 0 upper or 1 lower.
    pub(crate) points: Vec<(V3, V3)>,
    /// Triangles.
    pub(crate) triangles: Vec<[u32; 3]>,
}

/// Vertex whose movement the lower row follows.
pub(crate) fn jaw_vertex() -> usize {
    LOWER_ANCHOR
}

/// The rows of a head with these vertex positions: first the upper, then the lower.
pub(crate) fn rows(mesh: &HeadMesh, positions: &[V3]) -> Rows {
    let mut rows = Rows { points: Vec::new(), triangles: Vec::new() };
    let shift = |anchor: usize| sub(positions[anchor], mesh.base[anchor]);
    arch(&mut rows, shift(UPPER_ANCHOR), [6.74, 6.555], 0.0);
    arch(&mut rows, shift(LOWER_ANCHOR), [6.40, 6.565], 1.0);
    rows
}

fn arch(rows: &mut Rows, shift: V3, [gum, edge]: [f32; 2], row: f32) {
    let first = rows.points.len() as u32;
    for (y, down) in [(gum, 0.0), (edge, 1.0)] {
        for column in 0..ACROSS {
            let u = 2.0 * column as f32 / (ACROSS - 1) as f32 - 1.0;
            let place = [0.23 * u, y, 1.455 - 0.02 * row - 0.24 * u * u];
            rows.points.push((add(place, shift), [u * 5.0 + 20.5, down, row]));
        }
    }
    for column in 0..ACROSS as u32 - 1 {
        let (a, c) = (first + column, first + column + ACROSS as u32);
        let quad = if row < 0.5 { [a, c, a + 1, c + 1] } else { [c, a, c + 1, a + 1] };
        rows.triangles.push([quad[0], quad[1], quad[2]]);
        rows.triangles.push([quad[2], quad[1], quad[3]]);
    }
}
