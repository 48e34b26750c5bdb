//! Things in front of a face: gloves, hands, cups, phones and bars.

use super::camera::Camera;
use super::light::Light;
use super::vector::{V3, add, dot, mix, scale, smoothstep, unit};

/// One rounded form, in front of everything before it in the list. Picture-plane decimetres.
#[derive(Clone, Copy, Debug)]
struct Form {
    from: [f32; 2],
    to: [f32; 2],
    radius: f32,
    /// 1 = round, towards 0 = flat with a rounded edge.
    roundness: f32,
    colour: V3,
    gloss: f32,
}

/// A thing in front of the camera.
#[derive(Clone, Debug)]
pub(crate) struct Occluder {
    /// Words for captions, e.g. `red boxing gloves`.
    pub(crate) words: &'static str,
    forms: Vec<Form>,
}

/// Kinds of things, by the words captions use.
pub(crate) const THINGS: [&str; 5] =
    ["a boxing glove", "a hand", "a cup", "a phone", "a microphone"];

impl Occluder {
    /// Thing `kind` (see [`THINGS`]) at a place, `size` decimetres across, leaning by `lean`
    /// (tangent; positive to image right), in this colour.
    pub(crate) fn of_kind(kind: usize, place: ([f32; 2], f32, f32), colour: V3) -> Self {
        let kind = kind % THINGS.len();
        let forms = [glove, hand, cup, phone, microphone][kind](colour);
        let mut occluder = Self { words: THINGS[kind], forms };
        occluder.move_to(place);
        occluder
    }

    fn move_to(&mut self, (middle, size, lean): ([f32; 2], f32, f32)) {
        let length = (1.0 + lean * lean).sqrt();
        let (c, s) = (1.0 / length, lean / length);
        let place = |p: [f32; 2]| {
            let turned = [p[0] * c + p[1] * s, p[1] * c - p[0] * s];
            [middle[0] + size * turned[0], middle[1] + size * turned[1]]
        };
        for form in &mut self.forms {
            (form.from, form.to) = (place(form.from), place(form.to));
            form.radius *= size;
        }
    }

    /// Paints it over `cover`, a square of `side`² samples.
    pub(crate) fn paint(
        &self,
        cover: &mut [Option<V3>],
        side: usize,
        camera: &Camera,
        light: &Light,
    ) {
        for form in &self.forms {
            form.paint(cover, side, camera, light);
        }
    }
}

impl Form {
    fn paint(&self, cover: &mut [Option<V3>], side: usize, camera: &Camera, light: &Light) {
        let scale = side as f32 / camera.width;
        let (from, to) = (camera.pixel(self.from, side), camera.pixel(self.to, side));
        let radius = self.radius * scale;
        let span = |axis: usize| {
            let low = (from[axis].min(to[axis]) - radius).max(0.0) as usize;
            let high = (from[axis].max(to[axis]) + radius + 1.0).clamp(0.0, side as f32) as usize;
            low..high
        };
        for y in span(1) {
            for x in span(0) {
                let at = [x as f32 + 0.5, y as f32 + 0.5];
                if let Some(normal) = self.normal(at, from, to, radius) {
                    cover[y * side + x] = Some(self.colour(normal, light));
                }
            }
        }
    }

    /// Normal of the form at a sample, if it is there.
    fn normal(&self, at: [f32; 2], from: [f32; 2], to: [f32; 2], radius: f32) -> Option<V3> {
        let (along, off) = ([to[0] - from[0], to[1] - from[1]], [at[0] - from[0], at[1] - from[1]]);
        let squared = along[0] * along[0] + along[1] * along[1];
        let t = (off[0] * along[0] + off[1] * along[1]) / squared.max(1e-9);
        let t = t.clamp(0.0, 1.0);
        let out = [(off[0] - t * along[0]) / radius, -(off[1] - t * along[1]) / radius];
        let distance = (out[0] * out[0] + out[1] * out[1]).sqrt();
        if distance >= 1.0 {
            return None;
        }
        // A flat form bends only in its outer rim.
        let bend = ((distance - (1.0 - self.roundness)) / self.roundness).max(0.0);
        let tilt = bend / distance.max(1e-6);
        let front = (1.0 - bend * bend).max(0.0).sqrt();
        Some(unit([out[0] * tilt, out[1] * tilt, front.max(0.02)]))
    }

    fn colour(&self, normal: V3, light: &Light) -> V3 {
        let arrives = (dot(normal, light.direction) + 0.15).max(0.0) / 1.15;
        let soft = mix(light.ground, light.sky, 0.5 + 0.5 * normal[1]);
        let edge = smoothstep(0.0, 0.5, normal[2]);
        let lit = add(scale(light.key, arrives), scale(soft, 0.25 + 0.75 * edge));
        let half = unit(add(light.direction, [0.0, 0.0, 1.0]));
        let glint = dot(normal, half).max(0.0);
        let glint = glint * glint;
        let glint = glint * glint * glint * glint;
        let glint = glint * glint;
        let base = [self.colour[0] * lit[0], self.colour[1] * lit[1], self.colour[2] * lit[2]];
        add(base, scale(light.key, self.gloss * glint))
    }
}

fn form(from: [f32; 2], to: [f32; 2], radius: f32, colour: V3) -> Form {
    Form { from, to, radius, roundness: 1.0, colour, gloss: 0.05 }
}

fn glove(colour: V3) -> Vec<Form> {
    let cuff = mix(colour, [0.75; 3], 0.75);
    let shiny = |form: Form| Form { gloss: 0.22, ..form };
    vec![
        form([0.0, -1.05], [0.0, -0.55], 0.25, scale(colour, 0.8)),
        form([0.0, -0.62], [0.0, -0.50], 0.27, cuff),
        shiny(form([-0.04, -0.20], [0.05, 0.10], 0.40, colour)),
        shiny(form([-0.10, 0.10], [0.16, 0.10], 0.33, scale(colour, 1.05))),
        shiny(form([-0.30, -0.22], [-0.26, 0.06], 0.15, scale(colour, 0.92))),
    ]
}

fn hand(skin: V3) -> Vec<Form> {
    let mut forms = vec![
        form([0.0, -1.1], [0.0, -0.45], 0.17, scale(skin, 0.92)),
        form([-0.06, -0.25], [0.06, -0.05], 0.25, skin),
        form([-0.20, -0.28], [-0.40, 0.02], 0.085, skin),
    ];
    for finger in 0..4 {
        let x = -0.21 + 0.14 * finger as f32;
        let tip = 0.45 - 0.06 * (finger as f32 - 1.4).abs() * (finger as f32 - 1.4).abs();
        let tone = scale(skin, 0.96 + 0.03 * (finger % 2) as f32);
        forms.push(form([x * 0.9, 0.0], [x * 1.15, tip], 0.075, tone));
    }
    forms
}

fn cup(colour: V3) -> Vec<Form> {
    let flat = |form: Form| Form { roundness: 0.8, gloss: 0.12, ..form };
    vec![
        flat(form([0.30, -0.12], [0.36, 0.12], 0.12, scale(colour, 0.85))),
        flat(form([0.0, -0.22], [0.0, 0.22], 0.32, colour)),
        form([-0.16, 0.40], [0.16, 0.40], 0.07, scale(colour, 0.45)),
    ]
}

fn phone(colour: V3) -> Vec<Form> {
    let flat = |form: Form, roundness| Form { roundness, gloss: 0.18, ..form };
    let case = mix(colour, [0.02; 3], 0.7);
    vec![
        flat(form([-0.12, -0.34], [-0.12, 0.34], 0.16, case), 0.15),
        flat(form([0.12, -0.34], [0.12, 0.34], 0.16, case), 0.15),
        flat(form([0.0, -0.38], [0.0, 0.38], 0.14, scale(case, 1.2)), 0.1),
        form([-0.16, 0.36], [-0.16, 0.30], 0.045, [0.005; 3]),
    ]
}

fn microphone(_: V3) -> Vec<Form> {
    vec![
        Form { gloss: 0.2, ..form([0.10, -1.3], [0.02, -0.1], 0.085, [0.03; 3]) },
        Form { gloss: 0.1, ..form([0.0, 0.02], [0.0, 0.08], 0.17, [0.10; 3]) },
        form([-0.12, -0.05], [0.13, -0.03], 0.05, [0.30; 3]),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Camera, Light, Occluder, THINGS};

    #[test]
    fn things_cover_what_they_stand_before() {
        let camera = Camera { centre: [0.0, 7.0], width: 3.0 };
        let light = Light::from(0.0, 20.0, 0.8);
        for (kind, thing_name) in THINGS.iter().enumerate() {
            let mut cover = vec![None; 64 * 64];
            let thing = Occluder::of_kind(kind, ([0.0, 7.0], 1.0, 0.2), [0.4, 0.1, 0.1]);
            thing.paint(&mut cover, 64, &camera, &light);
            let covered = cover.iter().filter(|cell| cell.is_some()).count();
            assert!((60..1600).contains(&covered), "{thing_name}: {covered}");
        }
    }
}
