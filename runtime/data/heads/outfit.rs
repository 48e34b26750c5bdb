//! Clothes: what a person wears, and where it lies on the base mesh.

use ffrun_models::stream::Stream;

use super::vector::{V3, linear, smoothstep};

/// How a garment ends at the neck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Neckline {
    /// Round and close.
    Crew,
    /// Pointed in front.
    Vee,
    /// Up the neck.
    Turtle,
    /// Wide and low.
    Scoop,
}

/// What is on the cloth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// One colour.
    Plain,
    /// Bands around the body.
    Stripes,
    /// Squares.
    Checks,
}

/// A garment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outfit {
    /// How it ends at the neck.
    pub(crate) neckline: Neckline,
    /// What is on it.
    pub(crate) pattern: Pattern,
    /// Main colour, linear light.
    pub(crate) colour: V3,
    /// Second colour, linear light.
    pub(crate) accent: V3,
    /// Words for captions, e.g. `navy T-shirt`.
    pub(crate) words: (&'static str, &'static str),
}

/// Colours of cloth and of gloves, with their names.
pub(crate) const DYES: [(&str, [u8; 3]); 14] = [
    ("white", [226, 224, 220]),
    ("light gray", [168, 170, 172]),
    ("black", [34, 34, 38]),
    ("navy", [34, 46, 84]),
    ("blue", [48, 92, 168]),
    ("red", [168, 40, 40]),
    ("dark green", [36, 78, 56]),
    ("olive", [104, 102, 60]),
    ("beige", [196, 176, 144]),
    ("brown", [98, 66, 48]),
    ("yellow", [214, 174, 62]),
    ("purple", [96, 58, 116]),
    ("pink", [208, 136, 150]),
    ("teal", [40, 122, 124]),
];

impl Outfit {
    /// Random clothes.
    pub(crate) fn draw(stream: &mut Stream) -> Self {
        let (name, colour) = DYES[stream.below(DYES.len())];
        let (_, accent) = DYES[stream.below(DYES.len())];
        let (neckline, noun) = [
            (Neckline::Crew, "T-shirt"),
            (Neckline::Crew, "long-sleeve shirt"),
            (Neckline::Vee, "V-neck sweater"),
            (Neckline::Turtle, "turtleneck"),
            (Neckline::Scoop, "top"),
        ][stream.below(5)];
        let pattern = match stream.below(6) {
            0 => Pattern::Stripes,
            1 => Pattern::Checks,
            _ => Pattern::Plain,
        };
        Self {
            neckline,
            pattern,
            colour: linear(colour),
            accent: linear(accent),
            words: (name, noun),
        }
    }

    /// Decimetres inside the garment at a point of the rest shape; negative on bare skin.
    pub(crate) fn depth(&self, p: V3) -> f32 {
        // Only around the neck does the line dip in front: shoulders stay covered.
        let front = smoothstep(-0.1, 0.75, p[2]) * smoothstep(1.25, 0.70, p[0].abs());
        let line = match self.neckline {
            Neckline::Crew => 6.04 - 0.36 * front,
            Neckline::Vee => {
                let notch = (0.42 - p[0].abs()).max(0.0) * smoothstep(0.3, 0.6, p[2]);
                6.02 - 0.30 * front - 1.25 * notch
            }
            Neckline::Turtle => 6.36 - 0.20 * front,
            Neckline::Scoop => 5.92 - 0.62 * front,
        };
        line - p[1]
    }

    /// Colour of the cloth at a point of the rest shape, linear light.
    pub(crate) fn colour_at(&self, p: V3) -> V3 {
        let band = |x: f32, width: f32| (x / width).floor() as i32 % 2 == 0;
        let second = match self.pattern {
            Pattern::Plain => false,
            Pattern::Stripes => band(p[1] + 40.0, 0.16),
            Pattern::Checks => band(p[1] + 40.0, 0.22) != band(p[0] + 40.0, 0.22),
        };
        if second { super::vector::mix(self.colour, self.accent, 0.75) } else { self.colour }
    }
}

#[cfg(test)]
mod tests {
    use super::{Neckline, Outfit, Stream};

    #[test]
    fn a_turtleneck_covers_more_than_a_scoop() {
        let mut outfit = Outfit::draw(&mut Stream::new(0, "test", 0));
        let covered = |outfit: &Outfit, y: f32| outfit.depth([0.0, y, 0.7]) > 0.0;
        outfit.neckline = Neckline::Turtle;
        assert!(covered(&outfit, 6.0) && !covered(&outfit, 6.4));
        outfit.neckline = Neckline::Scoop;
        assert!(!covered(&outfit, 5.5) && covered(&outfit, 5.0));
    }
}
