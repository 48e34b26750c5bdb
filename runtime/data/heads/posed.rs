//! A model in a pose: expression, neck, projection, and the key light's shadows.

use super::camera::project;
use super::error::HeadsError;
use super::expression::Expression;
use super::light::Light;
use super::mesh::HeadMesh;
use super::model::{Material, Model};
use super::normals::normals;
use super::pose::{Pose, Rotation, rotate};
use super::raster::{Samples, Sides};
use super::teeth;
use super::vector::{V3, add, cross, dot, smoothstep, sub, unit};

/// Where the head turns on the neck, decimetres in the rest shape.
const NECK: V3 = [0.0, 6.60, 0.40];
/// Steps between the shoulders' rotation and the head's.
const STEPS: usize = 64;
const SHADOW_SIDE: usize = 112;
/// Half the width of what can cast shadows, decimetres.
const SHADOW_REACH: f32 = 2.3;

/// A model as the camera meets it.
pub(crate) struct Posed {
    /// Places on the picture plane, decimetres right and up, and nearness.
    pub(crate) points: Vec<V3>,
    /// Normals in camera space.
    pub(crate) normals: Vec<V3>,
    /// Share of the key light that arrives, 0…1.
    pub(crate) lit: Vec<f32>,
    /// The head's rotation.
    pub(crate) rotation: Rotation,
}

impl Posed {
    /// The model with this expression, its head and its shoulders turned, under a light.
    pub(crate) fn new(
        model: &Model,
        expression: &Expression,
        [head, shoulders]: [Pose; 2],
        light: &Light,
    ) -> Result<Self, HeadsError> {
        let (mut places, mut normals) = express(model, expression)?;
        let steps: Vec<Rotation> = (0..=STEPS)
            .map(|step| shoulders.toward(head, step as f32 / STEPS as f32).rotation())
            .collect();
        for (vertex, place) in places.iter_mut().enumerate() {
            let rotation = &steps[(model.sway[vertex] * STEPS as f32 + 0.5) as usize];
            *place = add(NECK, rotate(rotation, sub(*place, NECK)));
            normals[vertex] = rotate(rotation, normals[vertex]);
        }
        let lit = shadows(model, &places, &normals, light);
        let points = places.into_iter().map(project).collect();
        Ok(Self { points, normals, lit, rotation: steps[STEPS] })
    }
}

/// Where a point that is fixed to the head comes to lie on the picture plane.
pub(crate) fn fixed(rotation: &Rotation, rest: V3) -> [f32; 2] {
    let p = project(add(NECK, rotate(rotation, sub(rest, NECK))));
    [p[0], p[1]]
}

fn express(model: &Model, expression: &Expression) -> Result<(Vec<V3>, Vec<V3>), HeadsError> {
    let mut places = model.positions.clone();
    let mut bent = model.normals.clone();
    if expression.apply(HeadMesh::shared()?, &mut places)? {
        let jaw = teeth::jaw_vertex();
        let moved = sub(places[jaw], model.positions[jaw]);
        for tooth in &mut places[model.jaw.clone()] {
            *tooth = add(*tooth, moved);
        }
        let soft = model.soft();
        let fresh = normals(&places[..soft], &model.triangles[..model.supple]);
        bent[..soft].copy_from_slice(&fresh);
    }
    Ok((places, bent))
}

/// A depth map from the light, compared at every vertex.
fn shadows(model: &Model, places: &[V3], normals: &[V3], light: &Light) -> Vec<f32> {
    let right = unit(cross([0.0, 1.0, 0.0], light.direction));
    let up = cross(light.direction, right);
    let scale = SHADOW_SIDE as f32 / (2.0 * SHADOW_REACH);
    let half = SHADOW_SIDE as f32 / 2.0;
    let middle = [0.0, 6.9, 0.5];
    let seen: Vec<V3> = places
        .iter()
        .map(|&p| {
            let d = sub(p, middle);
            [half + dot(d, right) * scale, half - dot(d, up) * scale, dot(d, light.direction)]
        })
        .collect();
    let mut samples = Samples::new(SHADOW_SIDE);
    for (corners, material) in model.triangles.iter().zip(&model.materials) {
        let solid = match material {
            Material::Skin | Material::Eye => true,
            Material::Hair | Material::Curl => {
                corners.iter().all(|&v| model.surfaces[v as usize].hair > 0.02)
            }
            Material::Lash | Material::Tooth => false,
        };
        if solid {
            samples.draw(corners.map(|v| seen[v as usize]), 0, Sides::Outer, |_, _| true);
        }
    }
    let lit = |(point, normal): (&V3, &V3)| {
        if dot(*normal, light.direction) <= -0.3 { 0.0 } else { share(&samples, *point) }
    };
    seen.iter().zip(normals).map(lit).collect()
}

/// Mean over the four nearest cells of the depth map, with a soft threshold.
fn share(samples: &Samples, point: V3) -> f32 {
    let limit = samples.side as i32 - 1;
    let (x, y) = ((point[0] - 0.5).max(0.0) as i32, (point[1] - 0.5).max(0.0) as i32);
    let (fx, fy) =
        ((point[0] - 0.5 - x as f32).clamp(0.0, 1.0), (point[1] - 0.5 - y as f32).clamp(0.0, 1.0));
    let tap = |dx: i32, dy: i32| {
        let cell = (y + dy).clamp(0, limit) * (limit + 1) + (x + dx).clamp(0, limit);
        smoothstep(0.16, 0.05, samples.near[cell as usize] - point[2])
    };
    let top = tap(0, 0) * (1.0 - fx) + tap(1, 0) * fx;
    let bottom = tap(0, 1) * (1.0 - fx) + tap(1, 1) * fx;
    top * (1.0 - fy) + bottom * fy
}
