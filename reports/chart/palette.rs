//! Colours that colour-blind readers can tell apart, in light and in dark.

use std::fmt::Write as _;

/// A colour by its part in a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Behind everything.
    Paper,
    /// Text.
    Ink,
    /// Text of lesser weight.
    Muted,
    /// Axis lines and ticks.
    Axis,
    /// Grid lines.
    Grid,
    /// Lines that differ in kind; repeats after the palette's length.
    Kind(usize),
    /// Lines that differ in size: step of an ordered ramp.
    Step(usize),
}

/// Number of steps in the ordered ramp.
const STEPS: usize = 9;
const KINDS: usize = 7;

/// Name, light value, dark value. The light values are all different, see [`themed`].
const TABLE: [(&str, &str, &str); 5 + KINDS + STEPS] = [
    ("paper", "#FFFFFF", "#161B22"),
    ("ink", "#1F2328", "#E6EDF3"),
    ("muted", "#59636E", "#9DA7B1"),
    ("axis", "#8C959F", "#6E7681"),
    ("grid", "#E6E9EC", "#2A3038"),
    // Okabe, Ito 2008, "Color universal design"; yellow left out, too faint on white.
    ("kind-0", "#0072B2", "#58A9E0"),
    ("kind-1", "#D55E00", "#F28C4B"),
    ("kind-2", "#009E73", "#3CC79C"),
    ("kind-3", "#CC79A7", "#E09CC4"),
    ("kind-4", "#E69F00", "#F0B840"),
    ("kind-5", "#56B4E9", "#8CCBF2"),
    ("kind-6", "#000000", "#FFFFFF"),
    // Viridis between 0.05 and 0.85, of even lightness steps; in the dark it starts at 0.25 and
    // ends at 1, since its first colours are darker than the page.
    ("step-0", "#471365", "#3B6FB5"),
    ("step-1", "#482878", "#3280B8"),
    ("step-2", "#3E4989", "#2A93B3"),
    ("step-3", "#31688E", "#24A5A5"),
    ("step-4", "#26828E", "#2BB594"),
    ("step-5", "#1F9E89", "#4CC47C"),
    ("step-6", "#35B779", "#7FD158"),
    ("step-7", "#5DC863", "#B5DC39"),
    ("step-8", "#86D549", "#F0E442"),
];

impl Colour {
    /// The step of the ramp for item `place` of `count` items in order.
    pub(crate) fn ordered(place: usize, count: usize) -> Self {
        Self::Step((place * (STEPS - 1) + (count - 1) / 2) / (count - 1).max(1))
    }

    /// Red, green, blue on white paper.
    pub(crate) fn rgb(self) -> (u8, u8, u8) {
        let light = TABLE[self.slot()].1;
        let channel = |at: usize| {
            light.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0)
        };
        (channel(1), channel(3), channel(5))
    }

    fn slot(self) -> usize {
        match self {
            Self::Paper => 0,
            Self::Ink => 1,
            Self::Muted => 2,
            Self::Axis => 3,
            Self::Grid => 4,
            Self::Kind(place) => 5 + place % KINDS,
            Self::Step(place) => 5 + KINDS + place.min(STEPS - 1),
        }
    }
}

/// An SVG whose colours follow the page: each literal colour becomes a CSS variable.
pub(crate) fn themed(svg: &str) -> String {
    let mut themed = String::with_capacity(svg.len() * 5 / 4);
    let mut rest = svg;
    while let Some(place) = rest.find("\"#") {
        let (before, from) = rest.split_at(place);
        themed.push_str(before);
        let literal = from.get(1..8).unwrap_or_default();
        if let Some((name, ..)) = TABLE.iter().find(|(_, light, _)| *light == literal) {
            let _ = write!(themed, "\"var(--chart-{name})");
            rest = &from[8..];
        } else {
            themed.push_str("\"#");
            rest = &from[2..];
        }
    }
    themed + rest
}

/// CSS declarations of the variables, for light or for dark.
pub(crate) fn variables(dark: bool) -> String {
    let mut css = String::new();
    for (name, light, night) in TABLE {
        let _ = write!(css, "--chart-{name}:{};", if dark { night } else { light });
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_light_colour_is_its_own() {
        let mut values: Vec<&str> = TABLE.iter().map(|(_, light, _)| *light).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), TABLE.len());
    }

    #[test]
    fn a_themed_picture_holds_no_literal_colour() {
        let svg = "<text fill=\"#1F2328\">\"#x</text><line stroke=\"#0072B2\"/>";
        let expected =
            "<text fill=\"var(--chart-ink)\">\"#x</text><line stroke=\"var(--chart-kind-0)\"/>";
        assert_eq!(themed(svg), expected);
    }

    #[test]
    fn literals_are_read_as_written() {
        assert_eq!(Colour::Kind(0).rgb(), (0x00, 0x72, 0xB2));
        assert_eq!(Colour::Paper.rgb(), (255, 255, 255));
    }

    #[test]
    fn the_ramp_spans_its_ends() {
        assert_eq!(Colour::ordered(0, 6), Colour::Step(0));
        assert_eq!(Colour::ordered(5, 6), Colour::Step(8));
        assert_eq!(Colour::ordered(0, 1), Colour::Step(0));
    }
}
