//! What is behind a person: soft places built from a few shapes.

use ffrun_models::stream::Stream;

use super::light::Light;
use super::vector::{V3, linear, mix, smoothstep, times};

/// One out-of-focus thing. Places and sizes are shares of the picture, from its top left.
#[derive(Clone, Copy, Debug)]
struct Thing {
    round: bool,
    middle: [f32; 2],
    half: [f32; 2],
    blur: f32,
    colour: V3,
    opacity: f32,
}

/// A background.
#[derive(Clone, Debug)]
pub(crate) struct Backdrop {
    /// Words for captions, e.g. `in a gym`.
    pub(crate) words: &'static str,
    top: V3,
    bottom: V3,
    things: Vec<Thing>,
}

/// Kinds of places, by the words captions use.
pub(crate) const PLACES: [&str; 9] = [
    "in front of a plain wall",
    "in a gym",
    "on a street",
    "on a stage",
    "in a living room",
    "on a grass field",
    "in an office",
    "in a dance studio",
    "in front of a brick wall",
];

impl Backdrop {
    /// A random place.
    pub(crate) fn draw(stream: &mut Stream) -> Self {
        let kind = stream.below(PLACES.len());
        Self::of_kind(kind, stream)
    }

    /// A place of this kind (see [`PLACES`]), with its own colours and furniture.
    pub(crate) fn of_kind(kind: usize, stream: &mut Stream) -> Self {
        let kind = kind % PLACES.len();
        let draw = [wall, gym, street, stage, room, field, office, studio, bricks][kind];
        let mut backdrop = draw(stream);
        backdrop.words = PLACES[kind];
        backdrop
    }

    /// The colour of every pixel, linear light, a little lit by the scene's light.
    pub(crate) fn paint(&self, side: usize, light: &Light) -> Vec<V3> {
        let glow = mix(light.sky, light.key, 0.35).map(|c| 0.55 + 0.75 * c);
        let mut pixels = Vec::with_capacity(side * side);
        for y in 0..side {
            let v = (y as f32 + 0.5) / side as f32;
            let ground = mix(self.top, self.bottom, v);
            let row: Vec<&Thing> = self.things.iter().filter(|thing| thing.reaches(v)).collect();
            for x in 0..side {
                let u = (x as f32 + 0.5) / side as f32;
                let colour = row.iter().fold(ground, |colour, thing| thing.over(colour, [u, v]));
                pixels.push(times(colour, glow));
            }
        }
        pixels
    }

    fn plain(top: [u8; 3], bottom: [u8; 3]) -> Self {
        Self { words: PLACES[0], top: linear(top), bottom: linear(bottom), things: Vec::new() }
    }

    fn block(&mut self, middle: [f32; 2], half: [f32; 2], colour: [u8; 3]) -> &mut Self {
        self.put(false, (middle, half), 0.03, colour)
    }

    fn blob(&mut self, middle: [f32; 2], half: [f32; 2], colour: [u8; 3]) -> &mut Self {
        self.put(true, (middle, half), 0.35, colour)
    }

    fn put(
        &mut self,
        round: bool,
        (middle, half): ([f32; 2], [f32; 2]),
        blur: f32,
        colour: [u8; 3],
    ) -> &mut Self {
        let colour = linear(colour);
        self.things.push(Thing { round, middle, half, blur, colour, opacity: 1.0 });
        self
    }
}

impl Thing {
    fn reaches(&self, v: f32) -> bool {
        (v - self.middle[1]).abs() <= self.half[1] * (1.0 + self.blur) + self.blur
    }

    fn over(&self, below: V3, [u, v]: [f32; 2]) -> V3 {
        let (x, y) = ((u - self.middle[0]).abs(), (v - self.middle[1]).abs());
        let cover = if self.round {
            let (x, y) = (x / self.half[0], y / self.half[1]);
            smoothstep(1.0 + self.blur, 1.0 - self.blur, x * x + y * y)
        } else {
            smoothstep(self.blur, -self.blur, x - self.half[0])
                * smoothstep(self.blur, -self.blur, y - self.half[1])
        };
        if cover > 0.0 { mix(below, self.colour, cover * self.opacity) } else { below }
    }
}

/// A colour near this one.
fn near(stream: &mut Stream, colour: [u8; 3]) -> [u8; 3] {
    let shift = stream.between(-16.0, 16.0);
    colour.map(|c| (f32::from(c) + shift + stream.between(-12.0, 12.0)).clamp(8.0, 250.0) as u8)
}

/// A colour near one of these.
fn near_one<const N: usize>(stream: &mut Stream, colours: [[u8; 3]; N]) -> [u8; 3] {
    let chosen = stream.below(N);
    near(stream, colours[chosen])
}

fn wall(stream: &mut Stream) -> Backdrop {
    let tones = [
        [196, 198, 200],
        [120, 124, 130],
        [92, 120, 158],
        [178, 158, 134],
        [150, 172, 150],
        [166, 108, 96],
        [226, 222, 214],
        [66, 70, 78],
        [190, 160, 178],
        [214, 190, 120],
    ];
    let tone = tones[stream.below(tones.len())];
    let top = near(stream, tone);
    let mut wall = Backdrop::plain(top, top.map(|c| (f32::from(c) * 0.82) as u8));
    let at = stream.between(0.2, 0.8);
    let bright = top.map(|c| (f32::from(c) * 1.12).min(255.0) as u8);
    wall.put(true, ([at, 0.35], [0.6, 0.6]), 0.95, bright);
    wall
}

fn gym(stream: &mut Stream) -> Backdrop {
    let mut gym = Backdrop::plain(near(stream, [44, 46, 54]), near(stream, [64, 58, 54]));
    for lamp in 0..3 {
        let x = 0.18 + 0.32 * lamp as f32 + stream.between(-0.05, 0.05);
        gym.blob([x, 0.07], [0.10, 0.035], [236, 232, 214]);
    }
    let bag = stream.between(0.08, 0.25);
    gym.block([bag, 0.16], [0.008, 0.2], [96, 96, 100]);
    gym.block([bag, 0.55], [0.075, 0.24], near(stream, [120, 34, 32]));
    gym.block([0.8, 0.62], [0.2, 0.02], [110, 112, 118]);
    for plate in 0..3 {
        let x = 0.68 + 0.12 * plate as f32;
        gym.blob([x, 0.62], [0.035, 0.09], near(stream, [30, 30, 34]));
    }
    gym.block([0.5, 0.97], [0.6, 0.09], near(stream, [84, 72, 58]));
    gym
}

fn street(stream: &mut Stream) -> Backdrop {
    let mut street = Backdrop::plain(near(stream, [172, 194, 216]), near(stream, [206, 206, 204]));
    for house in 0..4 {
        let (x, tall) = (0.1 + 0.27 * house as f32, stream.between(0.3, 0.5));
        let tone = near_one(stream, [[142, 112, 94], [120, 122, 130], [168, 150, 124]]);
        street.block([x, 0.78 - tall / 2.0], [0.125, tall / 2.0 + 0.1], tone);
        let glass = near(stream, [74, 92, 112]);
        for window in 0..6 {
            let (column, row) = ((window % 2) as f32, (window / 2) as f32);
            let middle = [x - 0.05 + 0.1 * column, 0.72 - tall + 0.13 * (row + 1.0)];
            street.put(false, (middle, [0.025, 0.036]), 0.012, glass);
        }
    }
    street.block([0.5, 0.98], [0.6, 0.14], near(stream, [98, 98, 100]));
    let car = stream.between(0.05, 0.9);
    let paint = near_one(stream, [[160, 44, 40], [50, 76, 128], [210, 208, 204]]);
    street.blob([car, 0.84], [0.16, 0.07], paint);
    street
}

fn stage(stream: &mut Stream) -> Backdrop {
    let red = stream.chance(0.6);
    let curtain = near(stream, if red { [110, 24, 32] } else { [38, 42, 92] });
    let mut stage = Backdrop::plain(curtain, curtain.map(|c| c / 2));
    for fold in 0..9 {
        let x = fold as f32 / 8.0 + stream.between(-0.03, 0.03);
        let tone = curtain.map(|c| (f32::from(c) * if fold % 2 == 0 { 0.55 } else { 1.35 }) as u8);
        stage.put(false, ([x, 0.4], [0.03, 0.6]), 0.05, tone);
    }
    stage.block([0.5, 1.0], [0.6, 0.12], near(stream, [104, 70, 44]));
    let spot = stream.between(0.2, 0.8);
    stage.put(true, ([spot, 0.05], [0.18, 0.5]), 0.9, [206, 190, 160]);
    if let Some(thing) = stage.things.last_mut() {
        thing.opacity = 0.55;
    }
    stage
}

fn room(stream: &mut Stream) -> Backdrop {
    let tone = near_one(stream, [[208, 190, 162], [176, 188, 178], [200, 180, 180]]);
    let mut room = Backdrop::plain(tone, tone.map(|c| (f32::from(c) * 0.86) as u8));
    let left = stream.chance(0.5);
    let side = |x: f32| if left { x } else { 1.0 - x };
    room.block([side(0.16), 0.26], [0.14, 0.2], [236, 234, 226]);
    room.block([side(0.16), 0.26], [0.12, 0.18], near(stream, [176, 206, 228]));
    room.block([side(0.16), 0.26], [0.006, 0.19], [232, 230, 224]);
    room.block([side(0.82), 0.24], [0.10, 0.09], near(stream, [96, 72, 54]));
    room.block([side(0.82), 0.24], [0.085, 0.074], near(stream, [140, 150, 120]));
    room.block([side(0.92), 0.52], [0.01, 0.2], [90, 76, 60]);
    room.blob([side(0.92), 0.42], [0.09, 0.07], [248, 226, 170]);
    let sofa = near_one(stream, [[110, 70, 62], [84, 98, 116], [126, 120, 96]]);
    room.block([0.5, 0.9], [0.48, 0.17], sofa);
    room
}

fn field(stream: &mut Stream) -> Backdrop {
    let mut field = Backdrop::plain(near(stream, [134, 178, 222]), near(stream, [206, 220, 226]));
    for _ in 0..3 {
        let middle = [stream.between(0.0, 1.0), stream.between(0.05, 0.25)];
        field.put(true, (middle, [stream.between(0.12, 0.25), 0.05]), 0.8, [240, 242, 244]);
    }
    for tree in 0..6 {
        let x = 0.02 + 0.19 * tree as f32 + stream.between(-0.05, 0.05);
        let tall = stream.between(0.09, 0.2);
        field.blob([x, 0.56], [0.13, tall], near(stream, [52, 84, 48]));
    }
    field.block([0.5, 0.85], [0.6, 0.24], near(stream, [96, 142, 62]));
    field
}

fn office(stream: &mut Stream) -> Backdrop {
    let mut office = Backdrop::plain(near(stream, [206, 210, 214]), near(stream, [180, 182, 184]));
    for blind in 0..7 {
        let y = 0.06 + 0.07 * blind as f32;
        office.put(false, ([0.26, y], [0.24, 0.022]), 0.012, [234, 240, 246]);
    }
    let shelf = near(stream, [130, 98, 68]);
    office.block([0.82, 0.4], [0.16, 0.36], shelf);
    for book in 0..10 {
        let (column, row) = ((book % 5) as f32, (book / 5) as f32);
        let tones = [[150, 52, 48], [54, 84, 128], [196, 176, 120], [66, 104, 76]];
        let tone = near_one(stream, tones);
        let half = [0.02, stream.between(0.07, 0.1)];
        office.put(false, ([0.71 + 0.055 * column, 0.2 + 0.27 * row], half), 0.012, tone);
    }
    office.block([0.5, 0.98], [0.6, 0.1], near(stream, [112, 88, 66]));
    office
}

fn studio(stream: &mut Stream) -> Backdrop {
    let mut studio = Backdrop::plain(near(stream, [222, 216, 206]), near(stream, [206, 196, 182]));
    for mirror in 0..3 {
        let x = 0.17 + 0.33 * mirror as f32;
        studio.block([x, 0.36], [0.145, 0.34], near(stream, [168, 184, 192]));
        studio.block([x - 0.05, 0.3], [0.03, 0.26], near(stream, [196, 208, 214]));
    }
    studio.put(false, ([0.5, 0.6], [0.6, 0.012]), 0.012, near(stream, [136, 92, 56]));
    studio.block([0.5, 0.95], [0.6, 0.15], near(stream, [186, 146, 100]));
    studio
}

fn bricks(stream: &mut Stream) -> Backdrop {
    let tone = near_one(stream, [[150, 84, 64], [168, 150, 134], [120, 70, 60]]);
    let mut wall = Backdrop::plain(tone.map(|c| (f32::from(c) * 0.78) as u8), tone.map(|c| c / 2));
    for brick in 0..60 {
        let (column, row) = (brick % 6, brick / 6);
        let shift = if row % 2 == 0 { 0.0 } else { 0.1 };
        let middle = [0.2 * column as f32 + shift - 0.02, 0.05 + 0.1 * row as f32];
        wall.put(false, (middle, [0.088, 0.038]), 0.012, near(stream, tone));
    }
    wall
}

/// Brightness of a backdrop's middle, for tests and captions of light.
#[cfg(test)]
fn brightness(backdrop: &Backdrop) -> f32 {
    let middle = mix(backdrop.top, backdrop.bottom, 0.5);
    (middle[0] + middle[1] + middle[2]) / 3.0
}

#[cfg(test)]
mod tests {
    use super::{Backdrop, PLACES, Stream, brightness};
    use crate::data::heads::light::Light;

    #[test]
    fn every_place_differs_from_every_other() {
        let light = Light::from(0.0, 20.0, 0.8);
        let paint = |kind| {
            let backdrop = Backdrop::of_kind(kind, &mut Stream::new(1, "test", 0));
            assert!((0.0..1.0).contains(&brightness(&backdrop)));
            backdrop.paint(32, &light)
        };
        let all: Vec<_> = (0..PLACES.len()).map(paint).collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b));
        }
    }
}
