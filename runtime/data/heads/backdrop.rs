//! What is behind a person: soft places built from a few shapes.

use ffrun_models::stream::Stream;

use super::light::Light;
use super::places::{bricks, field, gym, office, room, stage, street, studio, wall};
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

    /// A ground that runs from one colour to another.
    pub(super) fn plain(top: [u8; 3], bottom: [u8; 3]) -> Self {
        Self { words: PLACES[0], top: linear(top), bottom: linear(bottom), things: Vec::new() }
    }

    /// A rectangle a little out of focus.
    pub(super) fn block(&mut self, middle: [f32; 2], half: [f32; 2], colour: [u8; 3]) -> &mut Self {
        self.put(false, (middle, half), 0.03, colour)
    }

    /// An ellipse far out of focus.
    pub(super) fn blob(&mut self, middle: [f32; 2], half: [f32; 2], colour: [u8; 3]) -> &mut Self {
        self.put(true, (middle, half), 0.35, colour)
    }

    /// Makes the last thing let what is behind it through.
    pub(super) fn thin(&mut self, opacity: f32) {
        if let Some(thing) = self.things.last_mut() {
            thing.opacity = opacity;
        }
    }

    /// A rectangle or an ellipse with this blur.
    pub(super) fn put(
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
