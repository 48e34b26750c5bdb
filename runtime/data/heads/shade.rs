//! Colour of what a sample shows: skin, eyes, brows, lips, beard, hair, cloth and teeth.

use super::identity::Brows;
use super::light::Light;
use super::model::{Material, Model, Surface};
use super::noise::Noise;
use super::posed::Posed;
use super::vector::{V3, add, dot, lerp, mix, scale, smoothstep, sub, times, unit};

/// The eyeballs in the rest shape.
const EYE_X: f32 = 0.3078;
const EYE_Y: f32 = 7.2841;
const EYE_Z: f32 = 1.2453;
/// Radii of iris and pupil as sines of the angle from the gaze.
const IRIS: f32 = 0.50;
const PUPIL: f32 = 0.20;

/// Everything that colours depend on and that a whole picture shares.
pub(crate) struct Shader<'a> {
    /// The person.
    pub(crate) model: &'a Model,
    /// In this pose.
    pub(crate) posed: &'a Posed,
    /// Under this light.
    pub(crate) light: &'a Light,
    /// Where the eyes look; see `Expression::gaze`.
    pub(crate) gaze: [f32; 2],
}

/// What is seen at a sample.
struct Fragment {
    surface: Surface,
    normal: V3,
    lit: f32,
}

impl Shader<'_> {
    /// Colour of triangle `number` at the point with these weights of its corners, linear light.
    pub(crate) fn colour(&self, number: u32, weights: V3) -> V3 {
        let corners = self.model.triangles[number as usize];
        let material = self.model.materials[number as usize];
        let fragment = self.fragment(corners, weights);
        match material {
            Material::Skin => self.skin(&fragment),
            Material::Eye => self.eye(&fragment),
            Material::Lash => self.matte([0.012, 0.009, 0.008], &fragment),
            Material::Tooth => self.tooth(&fragment),
            Material::Hair | Material::Curl => self.hair(&fragment, material == Material::Curl),
        }
    }

    /// Whether hair covers the point of this triangle (its shell has gaps at the edge).
    pub(crate) fn covers(&self, corners: [u32; 3], b: f32, c: f32) -> bool {
        let surfaces = corners.map(|v| &self.model.surfaces[v as usize]);
        let [w0, w1, w2] = [1.0 - b - c, b, c];
        let of = |get: fn(&Surface) -> f32| {
            w0 * get(surfaces[0]) + w1 * get(surfaces[1]) + w2 * get(surfaces[2])
        };
        let inside = of(|s| s.hair);
        if !(-0.06..=0.16).contains(&inside) {
            return inside > 0.0;
        }
        inside + 0.10 * Noise::shared().streak(of(|s| s.rest[0]), of(|s| s.rest[1])) > 0.03
    }

    fn fragment(&self, corners: [u32; 3], weights: V3) -> Fragment {
        let mut surface = Surface::default();
        let (mut normal, mut lit) = ([0.0; 3], 0.0);
        for (vertex, weight) in corners.into_iter().zip(weights) {
            let vertex = vertex as usize;
            let corner = &self.model.surfaces[vertex];
            surface.rest = add(surface.rest, scale(corner.rest, weight));
            surface.albedo = add(surface.albedo, scale(corner.albedo, weight));
            surface.ambient += corner.ambient * weight;
            surface.hair += corner.hair * weight;
            surface.beard += corner.beard * weight;
            surface.lips += corner.lips * weight;
            surface.cloth += corner.cloth * weight;
            normal = add(normal, scale(self.posed.normals[vertex], weight));
            lit += self.posed.lit[vertex] * weight;
        }
        Fragment { surface, normal: unit(normal), lit }
    }

    fn skin(&self, fragment: &Fragment) -> V3 {
        let (person, surface) = (&self.model.person, &fragment.surface);
        let noise = Noise::shared();
        let rest = surface.rest;
        let grain = noise.grain(scale(rest, 41.0));
        if surface.cloth > 0.0 {
            return self.cloth(fragment, grain);
        }
        let mottle = noise.at(scale(rest, 5.5));
        let mut albedo = scale(surface.albedo, 1.0 + 0.05 * mottle + 0.03 * grain);
        if person.freckles > 0.0 && rest[2] > 1.0 {
            let spots = smoothstep(0.55, 0.8, noise.at(scale(rest, 34.0)));
            let where_seen = smoothstep(7.35, 7.0, rest[1]) * smoothstep(6.6, 6.8, rest[1]);
            albedo = mix(albedo, times(albedo, [0.74, 0.62, 0.55]), spots * where_seen);
        }
        albedo = mix(albedo, person.lips, surface.lips);
        let mut shine = lerp(0.055, 0.13, surface.lips);
        let brow = brow(&person.brows, rest, noise);
        albedo = mix(albedo, person.brows.colour, brow);
        if surface.beard > 0.02 {
            let bristle = 0.5 * noise.grain(scale(rest, 26.0)) + 0.3 * mottle;
            let cover = smoothstep(0.25, 0.62, surface.beard + 0.16 * bristle) * surface.beard;
            albedo = mix(albedo, scale(person.hair.colour, 0.8 + 0.25 * bristle), cover.min(0.93));
            shine *= 1.0 - cover;
        }
        if surface.hair > -0.08 {
            let root = noise.grain(scale(rest, 33.0));
            let cover = smoothstep(-0.045, 0.06, surface.hair + 0.04 * root);
            let opacity = self.roots();
            albedo = mix(albedo, scale(person.hair.colour, 0.9 + 0.2 * root), cover * opacity);
            shine *= 1.0 - 0.8 * cover * opacity;
        }
        self.lit_skin(albedo, shine, fragment)
    }

    /// Opacity of hair seen as colour on the scalp.
    fn roots(&self) -> f32 {
        use super::identity::Cut;
        match self.model.person.hair.cut {
            Cut::Bald => 0.55,
            Cut::Buzz => 0.80,
            _ => 0.94,
        }
    }

    /// Skin lets red light through: the shadow's edge is soft and warm.
    fn lit_skin(&self, albedo: V3, shine: f32, fragment: &Fragment) -> V3 {
        let (light, n) = (self.light, fragment.normal);
        let cosine = dot(n, light.direction);
        let wrap: V3 = [0.30, 0.16, 0.12];
        let arrives: V3 = wrap.map(|w| ((cosine + w) / (1.0 + w)).max(0.0) * fragment.lit);
        // The inside of the mouth is dark, not black.
        let ambient = fragment.surface.ambient.max(0.13);
        let soft = self.ambient(n);
        // Light that comes out of hollows has passed through flesh.
        let hollow =
            [ambient, ambient * lerp(0.82, 1.0, ambient), ambient * lerp(0.78, 1.0, ambient)];
        let colour = times(albedo, add(times(light.key, arrives), times(soft, hollow)));
        let half = unit(add(light.direction, [0.0, 0.0, 1.0]));
        let glint = power(dot(n, half).max(0.0), 5) * fragment.lit;
        let rim = power(1.0 - n[2].clamp(0.0, 1.0), 2);
        let sheen = shine * (glint + 0.35 * rim * ambient);
        add(colour, scale(light.key, sheen))
    }

    fn ambient(&self, normal: V3) -> V3 {
        mix(self.light.ground, self.light.sky, 0.5 + 0.5 * normal[1])
    }

    fn matte(&self, albedo: V3, fragment: &Fragment) -> V3 {
        let arrives = dot(fragment.normal, self.light.direction).max(0.0) * fragment.lit;
        let soft = scale(self.ambient(fragment.normal), fragment.surface.ambient);
        times(albedo, add(scale(self.light.key, arrives), soft))
    }

    fn cloth(&self, fragment: &Fragment, grain: f32) -> V3 {
        let outfit = &self.model.outfit;
        let surface = &fragment.surface;
        let fold = Noise::shared().at(scale(surface.rest, 1.6));
        let hem = smoothstep(0.10, 0.085, surface.cloth);
        let tone = (1.0 + 0.05 * grain + 0.10 * fold) * (1.0 - 0.28 * hem);
        let albedo = scale(outfit.colour_at(surface.rest), tone);
        // The collar shades the skin behind it and is shaded by the chin.
        let mut shaded = Fragment { surface: *surface, normal: fragment.normal, lit: fragment.lit };
        shaded.surface.ambient = surface.ambient.max(0.35);
        self.matte(albedo, &shaded)
    }

    fn tooth(&self, fragment: &Fragment) -> V3 {
        let [across, down, _] = fragment.surface.rest;
        let gap = smoothstep(0.10, 0.0, 0.5 - (across - across.floor() - 0.5).abs());
        let gum = smoothstep(0.42, 0.30, down);
        let side = (across - 20.5).abs() / 5.0;
        let white = scale(fragment.surface.albedo, (1.0 - 0.35 * gap) * (1.0 - 0.6 * side * side));
        self.matte(mix(white, [0.30, 0.09, 0.09], gum), fragment)
    }

    fn eye(&self, fragment: &Fragment) -> V3 {
        let rest = fragment.surface.rest;
        let centre = [EYE_X * rest[0].signum(), EYE_Y, EYE_Z];
        let d = unit(sub(rest, centre));
        let off = [d[0] - self.gaze[0], d[1] - self.gaze[1]];
        let radius = (off[0] * off[0] + off[1] * off[1]).sqrt();
        let veins = 0.04 * Noise::shared().at(scale(rest, 60.0));
        let white = [0.72 + veins, 0.66 - veins, 0.63 - veins];
        let spokes = 1.0
            + 0.35
                * Noise::shared().at([
                    off[0] * 26.0 / radius.max(0.1),
                    off[1] * 26.0 / radius.max(0.1),
                    radius * 6.0,
                ]);
        let limbus = smoothstep(IRIS, IRIS - 0.14, radius);
        let iris = scale(self.model.person.iris, spokes * (0.35 + 0.9 * limbus));
        let mut albedo = mix(white, iris, smoothstep(IRIS + 0.04, IRIS - 0.03, radius));
        albedo = mix(albedo, [0.004; 3], smoothstep(PUPIL + 0.04, PUPIL - 0.03, radius));
        // The upper lid and its lashes shade the top of the ball.
        let lid = lerp(1.0, 0.42, smoothstep(0.12, 0.62, d[1] + 0.12));
        let arrives = (0.35 + 0.65 * dot(fragment.normal, self.light.direction)).max(0.0);
        let soft = scale(self.ambient(fragment.normal), 0.85);
        let lit = add(scale(self.light.key, arrives * fragment.lit.max(0.25)), soft);
        let colour = scale(times(albedo, lit), lid);
        add(colour, scale(self.light.key, 0.85 * self.sparkle(off) * fragment.lit.max(0.4)))
    }

    /// Reflection of the key light in the eye.
    fn sparkle(&self, off: [f32; 2]) -> f32 {
        let at = [0.30 * self.light.direction[0], 0.12 + 0.22 * self.light.direction[1]];
        let (x, y) = (off[0] - at[0], off[1] - at[1]);
        smoothstep(0.020, 0.006, x * x + y * y)
    }

    fn hair(&self, fragment: &Fragment, curls: bool) -> V3 {
        let surface = &fragment.surface;
        let noise = Noise::shared();
        let [across, down, _] = surface.rest;
        let strand = if curls {
            0.65 * noise.at([across * 0.55, down * 1.9, 3.0])
                + 0.3 * noise.streak(across, down * 3.0)
        } else {
            noise.streak(across, down)
        };
        let mut n = fragment.normal;
        if n[2] < 0.0 {
            n = scale(n, -1.0);
        }
        let albedo = scale(surface.albedo, 1.0 + 0.42 * strand);
        let cosine = (dot(n, self.light.direction) + 0.25) / 1.25;
        let arrives = cosine.max(0.0) * lerp(0.25, 1.0, fragment.lit);
        let shade = surface.ambient * lerp(0.55, 1.0, smoothstep(0.0, 0.3, surface.hair));
        let soft = scale(self.ambient(n), shade);
        let half = unit(add(self.light.direction, [0.0, 0.0, 1.0]));
        let gloss = power(dot(n, half).max(0.0), 3) * (0.55 + 0.45 * strand) * fragment.lit;
        let sheen = if curls { 0.03 } else { 0.10 };
        let tint = mix(surface.albedo, [1.0; 3], 0.35);
        let body = times(albedo, add(scale(self.light.key, arrives), soft));
        add(body, times(scale(tint, sheen * gloss.max(0.0)), self.light.key))
    }
}

/// Opacity of an eyebrow at a point of the rest shape: a band that arches over each eye.
fn brow(brows: &Brows, rest: V3, noise: &Noise) -> f32 {
    let x = rest[0].abs();
    if rest[2] < 0.9 || !(0.06..0.66).contains(&x) || !(7.3..7.85).contains(&rest[1]) {
        return 0.0;
    }
    let t = (x - 0.10) / 0.48;
    let arch = 4.0 * brows.arch * t * (1.0 - t) + brows.arch * 0.4 * (t - t * t * t);
    let line = 7.455 + brows.lift + arch - 0.02 * t;
    let thick = brows.thickness * lerp(1.1, 0.45, t.clamp(0.0, 1.0));
    let strand = noise.streak(x * 240.0 + rest[1] * 60.0, rest[1] * 10.0);
    let across = smoothstep(thick * 1.35, thick * 0.45, (rest[1] - line).abs() + 0.008 * strand);
    let along = smoothstep(-0.03, 0.05, t) * smoothstep(1.06, 0.85, t);
    across * along * brows.density * (0.86 + 0.14 * strand)
}

/// x to the power 2^doublings.
fn power(x: f32, doublings: u32) -> f32 {
    (0..doublings).fold(x, |x, _| x * x)
}
