//! Shoulders and chest below the mesh's cut, so that the body leaves the picture unbroken.

use super::pose::sine_cosine;
use super::vector::{V3, mix};

/// Height of each ring below the cut and how far it has become the chest's oval, 0…1.
const RINGS: [(f32, f32); 5] = [(0.25, 0.35), (0.75, 0.85), (1.6, 1.0), (2.8, 1.0), (4.6, 1.0)];
/// Half-width and half-depth of the chest with its arms, decimetres.
const OVAL: [f32; 2] = [2.15, 1.05];
const MIDDLE_Z: f32 = 0.2;
/// Marks a vertex of a ring until it is given its place in the model.
const RING: u32 = 1 << 31;

/// Rings of points and the triangles that join them to the rim.
pub(crate) struct Rings {
    /// The points, ring by ring, in the order of the rim's edges.
    pub(crate) points: Vec<V3>,
    /// Triangles; numbers at or above `RING` are ring points, see [`renumber`].
    pub(crate) triangles: Vec<[u32; 3]>,
}

/// Rings below a rim of directed edges.
pub(crate) fn rings(rim: &[[u32; 2]], positions: &[V3]) -> Rings {
    let mut points = Vec::with_capacity(rim.len() * RINGS.len());
    for (drop, oval) in RINGS {
        for &[start, _] in rim {
            points.push(lower(positions[start as usize], drop, oval));
        }
    }
    let place = |ring: usize, edge: usize| match ring {
        0 => rim[edge][0],
        _ => RING | ((ring - 1) * rim.len() + edge) as u32,
    };
    let mut triangles = Vec::with_capacity(2 * points.len());
    for edge in 0..rim.len() {
        let next = rim.iter().position(|[start, _]| *start == rim[edge][1]).unwrap_or(edge);
        for ring in 0..RINGS.len() {
            let (a, b) = (place(ring, edge), place(ring, next));
            let (c, d) = (place(ring + 1, edge), place(ring + 1, next));
            // The rim's edges run as in the mesh's triangles, so the new ones run against them.
            triangles.push([b, a, c]);
            triangles.push([b, c, d]);
        }
    }
    Rings { points, triangles }
}

/// The number in the model of a vertex of [`Rings::triangles`].
pub(crate) fn renumber(vertex: u32, first: u32) -> u32 {
    if vertex & RING == 0 { vertex } else { first + (vertex & !RING) }
}

fn lower(rim: V3, drop: f32, oval: f32) -> V3 {
    let azimuth = f64::from(rim[0]).atan2(f64::from(rim[2] - MIDDLE_Z)).to_degrees() as f32;
    let [s, c] = sine_cosine(azimuth).map(|x| x as f32);
    let on_oval = [OVAL[0] * s, 4.95 - drop, MIDDLE_Z + OVAL[1] * c];
    let straight = [rim[0] * (1.0 + 0.25 * drop.min(1.0)), rim[1] - drop, rim[2]];
    mix(straight, on_oval, oval)
}
