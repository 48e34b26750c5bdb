//! A grid of directions on the skull, bound to the mesh, so that hair grows on every head.

use std::sync::OnceLock;

use super::anatomy::SKULL;
use super::error::HeadsError;
use super::mesh::{HeadMesh, Part};
use super::pose::sine_cosine;
use super::vector::{V3, add, cross, dot, scale, sub};

/// Columns around the head; the last repeats the first, at the back.
pub(crate) const COLUMNS: usize = 49;
/// Rows from the crown down.
pub(crate) const ROWS: usize = 26;
/// Elevation of the last row in degrees.
pub(crate) const LOWEST_DEG: f32 = -55.0;
/// Where the skull ends under the ears, decimetres from the middle plane.
const EAR_ROOT: f32 = 0.735;

struct Binding {
    corners: [u32; 3],
    weights: V3,
    shrink: f32,
}

/// The grid, row by row.
pub(crate) struct Skull {
    bindings: Vec<Binding>,
}

/// Azimuth of a column in degrees: −180 (back) … 0 (front) … 180.
pub(crate) fn azimuth_deg(column: usize) -> f32 {
    360.0 * column as f32 / (COLUMNS - 1) as f32 - 180.0
}

/// Elevation of a row in degrees.
pub(crate) fn elevation_deg(row: usize) -> f32 {
    90.0 + (LOWEST_DEG - 90.0) * row as f32 / (ROWS - 1) as f32
}

impl Skull {
    /// The one grid.
    pub(crate) fn shared() -> Result<&'static Self, HeadsError> {
        static SKULL_GRID: OnceLock<Skull> = OnceLock::new();
        let mesh = HeadMesh::shared()?;
        Ok(SKULL_GRID.get_or_init(|| Self::cast(mesh)))
    }

    /// Points of the grid on a head with these vertex positions.
    pub(crate) fn points(&self, positions: &[V3]) -> Vec<V3> {
        let place = |binding: &Binding| {
            let corner =
                |i: usize| scale(positions[binding.corners[i] as usize], binding.weights[i]);
            let hit = add(corner(0), add(corner(1), corner(2)));
            add(SKULL, scale(sub(hit, SKULL), binding.shrink))
        };
        self.bindings.iter().map(place).collect()
    }

    fn cast(mesh: &HeadMesh) -> Self {
        let high = |corners: &[u32; 3]| mesh.base[corners[0] as usize][1] > 5.9;
        let body: Vec<[u32; 3]> = mesh
            .triangles
            .iter()
            .filter(|(corners, part)| *part == Part::Body && high(corners))
            .map(|(corners, _)| *corners)
            .collect();
        let cells = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
        Self { bindings: cells.map(|(row, column)| bind(mesh, &body, grid(row, column))).collect() }
    }
}

fn grid(row: usize, column: usize) -> V3 {
    let [sin_a, cos_a] = sine_cosine(azimuth_deg(column)).map(|x| x as f32);
    let [sin_e, cos_e] = sine_cosine(elevation_deg(row)).map(|x| x as f32);
    [sin_a * cos_e, sin_e, cos_a * cos_e]
}

/// The outermost triangle that a ray from the skull's middle meets.
fn bind(mesh: &HeadMesh, body: &[[u32; 3]], ray: V3) -> Binding {
    let mut best = (0.0, Binding { corners: [0; 3], weights: [1.0, 0.0, 0.0], shrink: 1.0 });
    for corners in body {
        let Some((distance, weights)) = hit(ray, corners.map(|v| mesh.base[v as usize])) else {
            continue;
        };
        if distance > best.0 {
            let x = (distance * ray[0]).abs();
            // Rays that meet an ear are cut back to the skull beneath it.
            let ear = ray[1].abs() < 0.6 && x > EAR_ROOT;
            let shrink = if ear { EAR_ROOT / x } else { 1.0 };
            best = (distance, Binding { corners: *corners, weights, shrink });
        }
    }
    best.1
}

/// Distance along a ray from [`SKULL`] to a triangle and the weights of its corners there.
fn hit(ray: V3, [a, b, c]: [V3; 3]) -> Option<(f32, V3)> {
    let (ab, ac) = (sub(b, a), sub(c, a));
    let p = cross(ray, ac);
    let determinant = dot(ab, p);
    if determinant.abs() < 1e-9 {
        return None;
    }
    let from = sub(SKULL, a);
    let u = dot(from, p) / determinant;
    let q = cross(from, ab);
    let v = dot(ray, q) / determinant;
    let distance = dot(ac, q) / determinant;
    let inside = u >= -1e-4 && v >= -1e-4 && u + v <= 1.0002 && distance > 0.0;
    inside.then_some((distance, [1.0 - u - v, u, v]))
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, ROWS, SKULL, Skull};
    use crate::data::heads::mesh::HeadMesh;
    use crate::data::heads::vector::{length, sub};

    #[test]
    fn every_direction_meets_the_skull() {
        let mesh = HeadMesh::shared().expect("mesh");
        let points = Skull::shared().expect("grid").points(&mesh.base);
        assert_eq!(points.len(), ROWS * COLUMNS);
        for (cell, point) in points.iter().enumerate() {
            let radius = length(sub(*point, SKULL));
            assert!((0.5..1.7).contains(&radius), "cell {cell}: {point:?}");
        }
    }
}
