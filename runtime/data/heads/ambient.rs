//! Ambient light on the rest shape: how much of the sky each vertex sees, found once.
//!
//! The head is drawn from directions all around into a small z-buffer; a vertex sees the light of
//! a direction when nothing lies before it. The hollow of the mouth, the nostrils, the sockets and
//! the neck under the chin come out dark.

use super::mesh::{HeadMesh, Part};
use super::raster::{Samples, Sides};
use super::vector::{V3, cross, dot, unit};

const DIRECTIONS: usize = 72;
const SIDE: usize = 192;
/// Half the width of the square that is drawn, decimetres.
const REACH: f32 = 2.6;
const MIDDLE: V3 = [0.0, 6.8, 0.5];
/// A surface this much behind the nearest one still counts as seen, decimetres.
const SLACK: f32 = 0.035;

/// Share of the light from all directions that reaches each vertex, 0…1.
pub(crate) fn ambient(mesh: &HeadMesh, normals: &[V3]) -> Vec<f32> {
    let mut seen = vec![0.0f32; mesh.base.len()];
    let mut possible = vec![0.0f32; mesh.base.len()];
    let mut samples = Samples::new(SIDE);
    for direction in directions() {
        let points = view(&mesh.base, direction);
        samples.clear();
        for (corners, part) in &mesh.triangles {
            if *part == Part::Body {
                let p = corners.map(|v| points[v as usize]);
                samples.draw(p, 0, Sides::Both, |_, _| true);
            }
        }
        for (vertex, point) in points.iter().enumerate() {
            let cosine = dot(normals[vertex], direction);
            if cosine > 0.0 {
                possible[vertex] += cosine;
                seen[vertex] += cosine * lit(&samples, *point);
            }
        }
    }
    seen.iter().zip(possible).map(|(seen, possible)| seen / possible.max(1e-6)).collect()
}

fn lit(samples: &Samples, point: V3) -> f32 {
    let cell = |x: f32| (x.max(0.0) as usize).min(samples.side - 1);
    let nearest = samples.near[cell(point[1]) * samples.side + cell(point[0])];
    if point[2] + SLACK >= nearest { 1.0 } else { 0.0 }
}

/// Directions spread evenly over the sphere (a Fibonacci spiral).
fn directions() -> impl Iterator<Item = V3> {
    (0..DIRECTIONS).map(|i| {
        let y = 1.0 - 2.0 * (i as f32 + 0.5) / DIRECTIONS as f32;
        let [s, c] = super::pose::sine_cosine(i as f32 * 137.507_77);
        let ring = (1.0 - y * y).sqrt();
        [ring * c as f32, y, ring * s as f32]
    })
}

/// Points as seen from `direction`: samples right, samples down, nearness.
fn view(points: &[V3], direction: V3) -> Vec<V3> {
    let helper = if direction[1].abs() > 0.9 { [0.0, 0.0, 1.0] } else { [0.0, 1.0, 0.0] };
    let right = unit(cross(helper, direction));
    let up = cross(direction, right);
    let scale = SIDE as f32 / (2.0 * REACH);
    let half = SIDE as f32 / 2.0;
    let place = |p: &V3| {
        let d = super::vector::sub(*p, MIDDLE);
        [half + dot(d, right) * scale, half - dot(d, up) * scale, dot(d, direction)]
    };
    points.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::ambient;
    use crate::data::heads::mesh::HeadMesh;
    use crate::data::heads::normals::normals;

    #[test]
    fn hollows_are_dark_and_the_nose_is_not() {
        let mesh = HeadMesh::shared().expect("mesh");
        let corners: Vec<[u32; 3]> = mesh.triangles.iter().map(|(t, _)| *t).collect();
        let ambient = ambient(mesh, &normals(&mesh.base, &corners));
        assert!(ambient[297] > 0.8, "tip of the nose {}", ambient[297]);
        assert!(ambient[640] < 0.2, "back of the mouth {}", ambient[640]);
    }
}
