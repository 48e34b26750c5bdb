//! What is on a chart, in logical pixels, before any file format.

use super::palette::Colour;

/// A drawing and its size.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// Width in logical pixels.
    pub(crate) width: f64,
    /// Height in logical pixels.
    pub(crate) height: f64,
    /// Back to front.
    pub(crate) marks: Vec<Mark>,
}

/// One thing on a chart.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// An open line through points.
    Line { points: Vec<Point>, thickness: f64, colour: Colour },
    /// A filled polygon.
    Area { points: Vec<Point>, colour: Colour, opacity: f64 },
    /// A filled disc.
    Dot { centre: Point, radius: f64, colour: Colour },
    /// A line of text; `at` lies on its baseline.
    Text { at: Point, text: String, style: TextStyle },
}

/// x to the right, y downwards.
pub(crate) type Point = (f64, f64);

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TextStyle {
    /// Em size in logical pixels.
    pub(crate) size: f64,
    /// Weight.
    pub(crate) bold: bool,
    /// Ink.
    pub(crate) colour: Colour,
    /// Which end `at` is.
    pub(crate) anchor: Anchor,
}

/// Which part of a text its position means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Left end.
    Start,
    /// Middle.
    Middle,
    /// Right end.
    End,
}

impl TextStyle {
    /// Regular text, left-aligned.
    pub(crate) fn new(size: f64, colour: Colour) -> Self {
        Self { size, bold: false, colour, anchor: Anchor::Start }
    }

    /// The same, bold.
    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// The same, anchored elsewhere.
    pub(crate) fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

impl Scene {
    /// An empty scene.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    /// A straight line.
    pub(crate) fn rule(&mut self, from: Point, to: Point, thickness: f64, colour: Colour) {
        self.marks.push(Mark::Line { points: vec![from, to], thickness, colour });
    }

    /// A dashed horizontal line.
    pub(crate) fn dashes(&mut self, from: Point, right: f64, colour: Colour) {
        let mut x = from.0;
        while x < right {
            self.rule((x, from.1), ((x + 4.0).min(right), from.1), 1.0, colour);
            x += 7.0;
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, at: Point, text: impl Into<String>, style: TextStyle) {
        self.marks.push(Mark::Text { at, text: text.into(), style });
    }
}
