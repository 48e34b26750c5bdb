//! Where things are on the base mesh: fields over its vertices that every person shares.
//!
//! Decimetres in the rest shape. Directions are taken about [`SKULL`]: azimuth 0 = front,
//! π = back, elevation π/2 = crown.

use std::sync::OnceLock;

use super::ambient::ambient;
use super::error::HeadsError;
use super::mesh::{HeadMesh, Part};
use super::normals::normals;
use super::vector::{V3, lerp, smoothstep, sub};

/// Middle of the skull.
pub(crate) const SKULL: V3 = [0.0, 7.35, 0.45];

/// Fields over the base mesh's vertices.
pub(crate) struct Anatomy {
    /// |azimuth| and elevation about [`SKULL`], radians.
    pub(crate) direction: Vec<[f32; 2]>,
    /// Opacity of a moustache, 0…1.
    pub(crate) moustache: Vec<f32>,
    /// Opacity of a chin beard, 0…1.
    pub(crate) chin: Vec<f32>,
    /// Opacity of a beard on cheeks and jaw, 0…1.
    pub(crate) jaw: Vec<f32>,
    /// Redness of cheeks, nose and ears, 0…1.
    pub(crate) blush: Vec<f32>,
    /// Shade around the eyes, 0…1.
    pub(crate) sockets: Vec<f32>,
    /// Share of the head's rotation a vertex follows; the shoulders stay.
    pub(crate) sway: Vec<f32>,
    /// Share of ambient light that arrives, 0…1.
    pub(crate) ambient: Vec<f32>,
    /// Directed edges of the cut below the shoulders, in the order of their triangles.
    pub(crate) rim: Vec<[u32; 2]>,
    /// Vertices of the face, forehead to chin and ear to ear: what a face box encloses.
    pub(crate) face: Vec<u32>,
    /// Tip of the nose, then the corners of the mouth, image left first in a frontal view.
    pub(crate) marks: [u32; 3],
}

impl Anatomy {
    /// The one set of fields.
    pub(crate) fn shared() -> Result<&'static Self, HeadsError> {
        static ANATOMY: OnceLock<Anatomy> = OnceLock::new();
        let mesh = HeadMesh::shared()?;
        Ok(ANATOMY.get_or_init(|| Self::find(mesh)))
    }

    fn find(mesh: &HeadMesh) -> Self {
        let corners: Vec<[u32; 3]> = mesh.triangles.iter().map(|(t, _)| *t).collect();
        let each = |field: fn(V3) -> f32| mesh.base.iter().map(|&p| field(p)).collect();
        let off_lips = |field: fn(V3) -> f32| -> Vec<f32> {
            mesh.base.iter().zip(&mesh.lips).map(|(&p, lips)| field(p) * (1.0 - lips)).collect()
        };
        Self {
            direction: mesh.base.iter().map(|&p| direction(p)).collect(),
            moustache: off_lips(moustache),
            chin: off_lips(chin),
            jaw: off_lips(jaw),
            blush: each(blush),
            sockets: each(sockets),
            sway: each(sway),
            ambient: ambient(mesh, &normals(&mesh.base, &corners)),
            rim: rim(mesh),
            face: face(mesh),
            marks: [297, corner(mesh, -1.0), corner(mesh, 1.0)],
        }
    }
}

/// |azimuth| and elevation about the skull's middle.
pub(crate) fn direction(p: V3) -> [f32; 2] {
    let [x, y, z] = sub(p, SKULL).map(f64::from);
    [x.abs().atan2(z) as f32, y.atan2((x * x + z * z).sqrt()) as f32]
}

/// Share of the head's rotation that a point follows: 1 on the head, 0 on the shoulders, along an
/// axis that tilts forward so that the chin belongs to the head and the throat to the neck.
pub(crate) fn sway(p: V3) -> f32 {
    smoothstep(5.70, 6.58, p[1] + 0.6 * (p[2] - 0.4))
}

/// A soft ellipse in front view, 1 in the middle.
fn spot(p: V3, middle: [f32; 2], radii: [f32; 2]) -> f32 {
    let (x, y) = ((p[0].abs() - middle[0]) / radii[0], (p[1] - middle[1]) / radii[1]);
    smoothstep(1.0, 0.35, x * x + y * y)
}

fn moustache(p: V3) -> f32 {
    let droop = 6.755 - 0.25 * p[0] * p[0] / 0.3;
    let band = smoothstep(0.085, 0.045, (p[1] - droop).abs());
    band * smoothstep(0.36, 0.24, p[0].abs()) * smoothstep(1.2, 1.35, p[2])
}

fn chin(p: V3) -> f32 {
    let front = smoothstep(1.05, 1.25, p[2]);
    let beside_mouth = spot(p, [0.315, 6.60], [0.09, 0.22]);
    (spot(p, [0.0, 6.30], [0.34, 0.24]).max(beside_mouth) * front).min(1.0)
}

fn jaw(p: V3) -> f32 {
    // From the sideburn (z 0.62, y 7.15) to the corner of the mouth (z 1.42, y 6.62).
    let line = lerp(7.12, 6.56, smoothstep(0.55, 1.40, p[2]));
    let below = smoothstep(-0.03, 0.12, line - p[1]);
    let above_throat = smoothstep(6.30, 6.48, p[1] + 0.42 * (p[2] - 0.5));
    below * above_throat * smoothstep(0.42, 0.60, p[2])
}

fn blush(p: V3) -> f32 {
    let cheek = spot(p, [0.40, 6.93], [0.26, 0.24]) * smoothstep(0.9, 1.2, p[2]);
    let nose = spot(p, [0.0, 6.90], [0.18, 0.14]) * smoothstep(1.4, 1.55, p[2]);
    let ear = smoothstep(0.76, 0.84, p[0].abs()) * smoothstep(6.6, 6.8, p[1]);
    cheek.max(0.8 * nose).max(0.7 * ear)
}

fn sockets(p: V3) -> f32 {
    spot(p, [0.30, 7.285], [0.24, 0.17]) * smoothstep(1.0, 1.2, p[2])
}

/// The cut's edges: those of one triangle only, below the neck.
fn rim(mesh: &HeadMesh) -> Vec<[u32; 2]> {
    let body = mesh.triangles.iter().filter(|(_, part)| *part == Part::Body);
    let mut edges: Vec<[u32; 2]> =
        body.flat_map(|([a, b, c], _)| [[*a, *b], [*b, *c], [*c, *a]]).collect();
    let mut sorted = edges.clone();
    sorted.sort_unstable();
    edges.retain(|&[a, b]| sorted.binary_search(&[b, a]).is_err());
    edges.retain(|edge| edge.iter().all(|&v| mesh.base[v as usize][1] < 6.0));
    edges
}

/// Below the hairline (y 7.95) and before the ears.
fn face(mesh: &HeadMesh) -> Vec<u32> {
    let inside = |v: &u32| {
        let v = *v as usize;
        mesh.face[v] > 0.5 && mesh.base[v][1] < 7.95 && mesh.base[v][2] > 0.6
    };
    (0..mesh.base.len() as u32).filter(inside).collect()
}

/// The outermost vertex of the lips on one side.
fn corner(mesh: &HeadMesh, side: f32) -> u32 {
    let reach = |v: u32| {
        if mesh.lips[v as usize] > 0.5 { mesh.base[v as usize][0] * side } else { -1.0 }
    };
    (0..mesh.base.len() as u32).max_by(|&a, &b| reach(a).total_cmp(&reach(b))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Anatomy;
    use crate::data::heads::mesh::HeadMesh;

    #[test]
    fn the_cut_is_one_closed_loop() {
        let anatomy = Anatomy::shared().expect("anatomy");
        assert_eq!(anatomy.rim.len(), 58);
        for &[_, end] in &anatomy.rim {
            assert_eq!(anatomy.rim.iter().filter(|[start, _]| *start == end).count(), 1);
        }
    }

    #[test]
    fn the_face_turns_with_the_head_and_the_shoulders_do_not() {
        let (mesh, anatomy) = (HeadMesh::shared().expect("mesh"), Anatomy::shared().expect("it"));
        for &vertex in anatomy.face.iter().chain(&anatomy.marks) {
            assert!(anatomy.sway[vertex as usize] > 0.999, "{:?}", mesh.base[vertex as usize]);
        }
        for &[vertex, _] in &anatomy.rim {
            assert!(anatomy.sway[vertex as usize] < 0.1, "{:?}", mesh.base[vertex as usize]);
        }
    }

    #[test]
    fn landmarks_mirror_each_other() {
        let (mesh, anatomy) = (HeadMesh::shared().expect("mesh"), Anatomy::shared().expect("it"));
        let [_, left, right] = anatomy.marks.map(|v| mesh.base[v as usize]);
        assert!((left[0] + right[0]).abs() < 0.01 && right[0] > 0.2, "{left:?} {right:?}");
    }
}
