//! A person as triangles: head, teeth, hair and clothes with what their colours depend on.

use super::anatomy::{Anatomy, sway};
use super::error::HeadsError;
use super::identity::Person;
use super::mesh::{HeadMesh, Part};
use super::normals::normals;
use super::outfit::Outfit;
use super::shape::shape;
use super::skull::Skull;
use super::teeth;
use super::torso;
use super::vector::{V3, add, lerp, mix, scale, smoothstep, times};

/// What a triangle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// Skin, and the cloth, beard and scalp hair that lie on it.
    Skin,
    /// An eyeball.
    Eye,
    /// Lashes.
    Lash,
    /// Teeth and gums.
    Tooth,
    /// Strands of hair.
    Hair,
    /// Curls.
    Curl,
}

/// What a vertex's colour depends on besides its place and the light.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surface {
    /// Place in the rest shape (strand coordinates for hair): where details are looked up.
    pub(crate) rest: V3,
    /// Share of ambient light that arrives.
    pub(crate) ambient: f32,
    /// Colour before details, linear light.
    pub(crate) albedo: V3,
    /// Radians inside the hairline; for hair, inside the edge of the shell.
    pub(crate) hair: f32,
    /// Opacity of the beard.
    pub(crate) beard: f32,
    /// Opacity of the lips' colour.
    pub(crate) lips: f32,
    /// Decimetres inside the garment.
    pub(crate) cloth: f32,
}

/// A person, dressed, expressionless, facing forward.
pub(crate) struct Model {
    /// Who it is.
    pub(crate) person: Person,
    /// What they wear.
    pub(crate) outfit: Outfit,
    /// Positions without clothes.
    bare: Vec<V3>,
    /// Positions, decimetres.
    pub(crate) positions: Vec<V3>,
    /// Normals.
    pub(crate) normals: Vec<V3>,
    /// What colours depend on.
    pub(crate) surfaces: Vec<Surface>,
    /// Share of the head's rotation each vertex follows.
    pub(crate) sway: Vec<f32>,
    /// Corners of the triangles; first the skin, eyes, lashes and torso, then teeth, then hair.
    pub(crate) triangles: Vec<[u32; 3]>,
    /// What each triangle is made of.
    pub(crate) materials: Vec<Material>,
    /// Whether each triangle belongs to the face.
    pub(crate) face: Vec<bool>,
    /// Triangles whose normals follow expressions and clothes.
    pub(crate) supple: usize,
    /// Middles of the eyeballs, image left first in a frontal view.
    pub(crate) eyes: [V3; 2],
    /// Vertices of the lower teeth, which follow the jaw.
    pub(crate) jaw: std::ops::Range<usize>,
}

/// Thickness of cloth in decimetres.
const CLOTH: f32 = 0.05;

impl Model {
    /// Person `person` of this world in these clothes.
    pub(crate) fn build(world: u64, person: Person, outfit: Outfit) -> Result<Self, HeadsError> {
        let (mesh, anatomy) = (HeadMesh::shared()?, Anatomy::shared()?);
        let mut bare = shape(mesh, world, &person)?;
        if person.hair.falls() {
            flatten_ears(mesh, &mut bare);
        }
        let surfaces = skin(mesh, anatomy, &person);
        let mut model = Self {
            positions: bare.clone(),
            normals: Vec::new(),
            surfaces,
            sway: anatomy.sway.clone(),
            triangles: Vec::new(),
            materials: Vec::new(),
            face: Vec::new(),
            supple: 0,
            jaw: 0..0,
            eyes: eyes(mesh, &bare),
            outfit,
            bare,
            person,
        };
        model.add_body(mesh, anatomy);
        model.add_torso(anatomy);
        model.supple = model.triangles.len();
        model.normals = normals(&model.positions, &model.triangles);
        model.add_beard();
        model.add_teeth(mesh);
        model.add_hair()?;
        model.dress(outfit);
        Ok(model)
    }

    /// Changes clothes.
    pub(crate) fn dress(&mut self, outfit: Outfit) {
        self.outfit = outfit;
        let count = self.soft();
        for (vertex, surface) in self.surfaces[..count].iter_mut().enumerate() {
            surface.cloth = outfit.depth(surface.rest);
            let off = CLOTH * smoothstep(0.0, 0.07, surface.cloth);
            self.positions[vertex] = add(self.bare[vertex], scale(self.normals[vertex], off));
        }
        let fresh = normals(&self.positions[..count], &self.triangles[..self.supple]);
        self.normals[..count].copy_from_slice(&fresh);
    }

    /// Vertices of the skin, eyes, lashes and torso, whose normals follow expressions and clothes.
    pub(crate) fn soft(&self) -> usize {
        self.bare.len()
    }

    fn add_body(&mut self, mesh: &HeadMesh, anatomy: &Anatomy) {
        let mut on_face = vec![false; mesh.base.len()];
        for &vertex in &anatomy.face {
            on_face[vertex as usize] = true;
        }
        for (corners, part) in &mesh.triangles {
            let material = match part {
                Part::Body => Material::Skin,
                Part::Eye => Material::Eye,
                Part::Lash => Material::Lash,
            };
            let eye = *part == Part::Eye;
            self.face.push(eye || corners.iter().all(|&v| on_face[v as usize]));
            self.triangles.push(*corners);
            self.materials.push(material);
        }
    }

    fn add_torso(&mut self, anatomy: &Anatomy) {
        let first = self.bare.len();
        let rings = torso::rings(&anatomy.rim, &self.bare);
        for point in rings.points {
            let surface = Surface {
                rest: point,
                ambient: 0.9,
                albedo: self.person.skin,
                hair: -1.0,
                ..Surface::default()
            };
            self.surfaces.push(surface);
            self.sway.push(sway(point));
            self.bare.push(point);
        }
        self.positions.clone_from(&self.bare);
        let new = rings.triangles.iter().map(|t| t.map(|v| torso::renumber(v, first as u32)));
        self.push(new.collect(), Material::Skin);
    }

    fn add_beard(&mut self) {
        let off = self.person.beard.length;
        for (vertex, surface) in self.surfaces.iter().enumerate() {
            let thick = off * smoothstep(0.35, 0.95, surface.beard);
            self.bare[vertex] = add(self.bare[vertex], scale(self.normals[vertex], thick));
        }
    }

    fn add_teeth(&mut self, mesh: &HeadMesh) {
        let first = self.positions.len();
        let rows = teeth::rows(mesh, &self.bare);
        for (point, rest) in &rows.points {
            self.positions.push(*point);
            self.normals.push([0.0, 0.0, 1.0]);
            self.sway.push(1.0);
            let albedo = super::vector::linear([226, 218, 200]);
            let surface = Surface { rest: *rest, ambient: 0.62, albedo, ..Surface::default() };
            self.surfaces.push(surface);
        }
        self.jaw = first + rows.points.len() / 2..first + rows.points.len();
        let new = rows.triangles.iter().map(|t| t.map(|v| v + first as u32));
        self.push(new.collect(), Material::Tooth);
    }

    fn add_hair(&mut self) -> Result<(), HeadsError> {
        let skull = Skull::shared()?.points(&self.bare);
        let Some(locks) = self.person.hair.grow(&skull) else { return Ok(()) };
        let first = self.positions.len() as u32;
        self.normals.extend(normals(&locks.points, &locks.triangles));
        for (vertex, point) in locks.points.iter().enumerate() {
            let depth = smoothstep(5.2, 7.2, point[1]);
            self.surfaces.push(Surface {
                rest: locks.strands[vertex],
                ambient: lerp(0.6, 1.0, depth),
                albedo: self.person.hair.colour,
                hair: locks.inside[vertex],
                ..Surface::default()
            });
        }
        self.positions.extend(locks.points);
        self.sway.extend(locks.sway);
        let curly = self.person.hair.cut == super::identity::Cut::Curly;
        let material = if curly { Material::Curl } else { Material::Hair };
        self.push(locks.triangles.iter().map(|t| t.map(|v| v + first)).collect(), material);
        Ok(())
    }

    fn push(&mut self, triangles: Vec<[u32; 3]>, material: Material) {
        self.materials.resize(self.materials.len() + triangles.len(), material);
        self.face.resize(self.face.len() + triangles.len(), false);
        self.triangles.extend(triangles);
    }
}

/// Colours of the bare skin.
fn skin(mesh: &HeadMesh, anatomy: &Anatomy, person: &Person) -> Vec<Surface> {
    let beard = person.beard;
    let each = |v: usize| {
        let red = times(person.skin, [1.06, 0.72, 0.70]);
        let shade = times(person.skin, [0.80, 0.70, 0.70]);
        let blushed = mix(person.skin, red, 0.55 * person.blush * anatomy.blush[v]);
        let albedo = mix(blushed, shade, 0.40 * anatomy.sockets[v]);
        let parts = [
            anatomy.moustache[v] * beard.moustache,
            anatomy.chin[v] * beard.chin,
            anatomy.jaw[v] * beard.cheeks,
        ];
        let shaven = anatomy.moustache[v].max(anatomy.chin[v]).max(anatomy.jaw[v]);
        Surface {
            rest: mesh.base[v],
            ambient: anatomy.ambient[v],
            albedo: mix(albedo, times(albedo, [0.62, 0.66, 0.70]), beard.stubble * shaven),
            hair: person.hair.rooted(anatomy.direction[v]) - 0.4 * ear(mesh, v),
            beard: parts[0].max(parts[1]).max(parts[2]),
            lips: mesh.lips[v],
            cloth: 0.0,
        }
    };
    (0..mesh.base.len()).map(each).collect()
}

/// Long hair presses the ears to the head.
fn flatten_ears(mesh: &HeadMesh, positions: &mut [V3]) {
    for (vertex, position) in positions.iter_mut().enumerate() {
        let off = (position[0].abs() - 0.70).max(0.0);
        let pressed = position[0].signum() * (0.70 + 0.25 * off);
        let rest = mesh.base[vertex];
        // The mask reaches over cheek and jaw, which stay.
        let on_ear = smoothstep(0.72, 0.60, rest[2]) * smoothstep(6.72, 6.85, rest[1]);
        position[0] = lerp(position[0], pressed, mesh.ears[vertex] * on_ear);
    }
}

/// 1 on an ear, 0 on the skull.
fn ear(mesh: &HeadMesh, vertex: usize) -> f32 {
    mesh.ears[vertex] * smoothstep(0.74, 0.78, mesh.base[vertex][0].abs())
}

fn eyes(mesh: &HeadMesh, positions: &[V3]) -> [V3; 2] {
    [-1.0, 1.0].map(|side: f32| {
        let on_side = |v: &u32| mesh.base[*v as usize][0] * side > 0.0;
        let ball = mesh.triangles.iter().filter(|(_, part)| *part == Part::Eye);
        let (mut sum, mut count) = ([0.0; 3], 0.0f32);
        for vertex in ball.flat_map(|(corners, _)| *corners).filter(on_side) {
            sum = add(sum, positions[vertex as usize]);
            count += 1.0;
        }
        scale(sum, 1.0 / count.max(1.0))
    })
}
