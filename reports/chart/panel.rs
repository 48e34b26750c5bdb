//! One panel of a figure: legend above, grid, lines with their bands, axes.

use super::axis::Axis;
use super::font;
use super::label::{self, Label};
use super::palette::Colour;
use super::scene::{Anchor, Mark, Point, Scene, TextStyle};

/// Size of tick labels and small text.
const SMALL: f64 = 11.0;
/// Size of legend text.
const TEXT: f64 = 12.0;
/// Height of a legend line.
const LEGEND_LINE: f64 = 18.0;
/// Room between legend and plot.
const HEADER_GAP: f64 = 8.0;
/// Room below the plot for tick labels and the axis title.
const FOOTER: f64 = 36.0;
/// Gap between a tick label and the axis.
const TICK_GAP: f64 = 6.0;
/// Room at the right for half of the last tick label.
const RIGHT: f64 = 12.0;

/// What a panel shows.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Muted words before the legend, `loss, elements =`; empty for none.
    pub(crate) lead: String,
    /// Muted words after it, `chance 0.016`, each kept on one line.
    pub(crate) asides: Vec<String>,
    /// Horizontal axis.
    pub(crate) x: Axis,
    /// What it counts.
    pub(crate) x_title: String,
    /// Vertical axis.
    pub(crate) y: Axis,
    /// Lines, first one undermost.
    pub(crate) series: Vec<Series>,
    /// Floors and ceilings inside the range.
    pub(crate) rules: Vec<(f64, String)>,
    /// Names beside points.
    pub(crate) labels: Vec<Label>,
}

/// One line of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Legend text.
    pub(crate) label: String,
    /// Colour of line, band and legend.
    pub(crate) colour: Colour,
    /// Points in order of x; `None` breaks the line.
    pub(crate) points: Vec<Option<Sample>>,
    /// Whether each point is a measurement of its own and gets a dot.
    pub(crate) dots: bool,
}

/// A point with its interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Horizontal value.
    pub(crate) x: f64,
    /// Vertical value.
    pub(crate) y: f64,
    /// Interval, where there is one.
    pub(crate) band: Option<(f64, f64)>,
}

/// A rectangle in logical pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Left edge.
    pub(crate) left: f64,
    /// Top edge.
    pub(crate) top: f64,
    /// Width.
    pub(crate) width: f64,
    /// Height.
    pub(crate) height: f64,
}

impl Panel {
    /// Room that the vertical tick labels need.
    pub(crate) fn label_width(&self) -> f64 {
        let wide = |(_, label): &(f64, String)| font::width(label, SMALL, false);
        self.y.ticks.iter().map(wide).fold(0.0, f64::max).ceil() + TICK_GAP
    }

    /// Height of the legend in a panel of this width.
    pub(crate) fn header_height(&self, width: f64) -> f64 {
        let lines = self.legend(width).last().map_or(0, |item| item.line + 1);
        lines as f64 * LEGEND_LINE + HEADER_GAP
    }

    /// Draws the panel. `labels` and `header` are the room for vertical tick labels and legend,
    /// given from outside so that neighbours line up.
    pub(crate) fn draw(&self, scene: &mut Scene, frame: Frame, labels: f64, header: f64) {
        let plot = Frame {
            left: frame.left + labels,
            top: frame.top + header,
            width: frame.width - labels - RIGHT,
            height: frame.height - header - FOOTER,
        };
        // Legends of neighbours end on one line, next to their plots.
        let slack = header - self.header_height(frame.width);
        self.draw_legend(scene, Frame { top: frame.top + slack, ..frame });
        self.draw_axes(scene, plot);
        for (value, _) in &self.rules {
            let y = plot.top + (1.0 - self.y.place(*value)) * plot.height;
            scene.dashes((plot.left, y), plot.left + plot.width, Colour::Muted);
        }
        for series in &self.series {
            self.draw_bands(scene, plot, series);
        }
        for series in &self.series {
            self.draw_line(scene, plot, series);
        }
        let points = self.series.iter().filter(|series| series.dots);
        let points = points.flat_map(|series| series.points.iter().flatten());
        let taken: Vec<Point> = points.map(|sample| self.at(plot, sample.x, sample.y)).collect();
        let labels = self.labels.iter().map(|one| (self.at(plot, one.at.0, one.at.1), &*one.text));
        label::draw(scene, plot, &labels.collect::<Vec<_>>(), &taken);
    }

    fn at(&self, plot: Frame, x: f64, y: f64) -> Point {
        let (x, y) = (self.x.place(x), self.y.place(y).clamp(-0.01, 1.01));
        (plot.left + x * plot.width, plot.top + (1.0 - y) * plot.height)
    }

    fn draw_axes(&self, scene: &mut Scene, plot: Frame) {
        let (right, bottom) = (plot.left + plot.width, plot.top + plot.height);
        for (value, label) in self.y.ticks.iter().filter(|(value, _)| self.y.holds(*value)) {
            let y = plot.top + (1.0 - self.y.place(*value)) * plot.height;
            scene.rule((plot.left, y), (right, y), 1.0, Colour::Grid);
            let style = TextStyle::new(SMALL, Colour::Muted).anchored(Anchor::End);
            scene.text((plot.left - TICK_GAP, y + SMALL * 0.36), label, style);
        }
        scene.rule((plot.left, bottom), (right, bottom), 1.0, Colour::Axis);
        let mut free = f64::NEG_INFINITY;
        for (value, label) in self.x.ticks.iter().filter(|(value, _)| self.x.holds(*value)) {
            let x = plot.left + self.x.place(*value) * plot.width;
            scene.rule((x, bottom), (x, bottom + 4.0), 1.0, Colour::Axis);
            let half = font::width(label, SMALL, false) / 2.0;
            // A label that would touch its neighbour is left out; its tick stays.
            if x - half > free {
                let style = TextStyle::new(SMALL, Colour::Muted).anchored(Anchor::Middle);
                scene.text((x, bottom + 4.0 + SMALL * 1.1), label, style);
                free = x + half + 5.0;
            }
        }
        let style = TextStyle::new(SMALL, Colour::Muted).anchored(Anchor::Middle);
        scene.text((plot.left + plot.width / 2.0, bottom + FOOTER - 4.0), &self.x_title, style);
    }

    fn draw_bands(&self, scene: &mut Scene, plot: Frame, series: &Series) {
        for run in runs(&series.points) {
            let edge = |sample: &Sample, upper: bool| {
                sample
                    .band
                    .map(|(low, high)| self.at(plot, sample.x, if upper { high } else { low }))
            };
            let mut points: Vec<Point> = run.iter().filter_map(|s| edge(s, true)).collect();
            points.extend(run.iter().rev().filter_map(|s| edge(s, false)));
            if points.len() >= 4 {
                scene.marks.push(Mark::Area { points, colour: series.colour, opacity: 0.16 });
            } else if let [upper, lower] = points[..] {
                scene.rule(upper, lower, 1.5, series.colour);
            }
        }
    }

    fn draw_line(&self, scene: &mut Scene, plot: Frame, series: &Series) {
        for run in runs(&series.points) {
            let points: Vec<Point> = run.iter().map(|s| self.at(plot, s.x, s.y)).collect();
            let dots = if series.dots { points.clone() } else { Vec::new() };
            if points.len() > 1 {
                let (thickness, colour) = (if series.dots { 2.0 } else { 1.5 }, series.colour);
                scene.marks.push(Mark::Line { points, thickness, colour });
            }
            for centre in dots {
                // A rim in the colour of the paper keeps crossing lines apart.
                scene.marks.push(Mark::Dot { centre, radius: 4.5, colour: Colour::Paper });
                scene.marks.push(Mark::Dot { centre, radius: 3.25, colour: series.colour });
            }
        }
    }

    fn draw_legend(&self, scene: &mut Scene, frame: Frame) {
        for item in self.legend(frame.width) {
            let x = frame.left + item.left;
            let baseline = frame.top + item.line as f64 * LEGEND_LINE + LEGEND_LINE * 0.7;
            let middle = baseline - TEXT * 0.34;
            let style = TextStyle::new(item.size, item.ink);
            match item.swatch {
                Swatch::None => {}
                Swatch::Dashes => scene.dashes((x, middle), x + SWATCH, Colour::Muted),
                Swatch::Line(colour, dots) => {
                    scene.rule((x, middle), (x + SWATCH, middle), 2.5, colour);
                    if dots {
                        let centre = (x + SWATCH / 2.0, middle);
                        scene.marks.push(Mark::Dot { centre, radius: 3.25, colour });
                    }
                }
            }
            scene.text((x + item.swatch.width(), baseline), item.text, style);
        }
    }

    /// Words and swatches, wrapped to the width.
    fn legend(&self, width: f64) -> Vec<LegendItem<'_>> {
        let named = self.series.iter().filter(|series| !series.label.is_empty());
        let lines = named.map(|s| (s.label.as_str(), Swatch::Line(s.colour, s.dots)));
        let rules = self.rules.iter().map(|(_, label)| (label.as_str(), Swatch::Dashes));
        let asides = self.asides.iter().map(|text| (text.as_str(), Swatch::None));
        let lead = (!self.lead.is_empty()).then_some((self.lead.as_str(), Swatch::None));
        let (mut left, mut line) = (0.0, 0);
        let mut items = Vec::new();
        for (text, swatch) in lead.into_iter().chain(lines).chain(rules).chain(asides) {
            let (size, ink) = match swatch {
                Swatch::Line(..) => (TEXT, Colour::Ink),
                Swatch::Dashes | Swatch::None => (SMALL, Colour::Muted),
            };
            let wide = swatch.width() + font::width(text, size, false);
            if left > 0.0 && left + wide > width {
                (left, line) = (0.0, line + 1);
            }
            items.push(LegendItem { text, swatch, size, ink, left, line });
            left += wide + 14.0;
        }
        items
    }
}

/// Length of a legend's line sample.
const SWATCH: f64 = 18.0;
/// Gap between it and its text.
const SWATCH_GAP: f64 = 6.0;

/// What stands before a legend's text.
#[derive(Clone, Copy)]
enum Swatch {
    None,
    Dashes,
    /// Whether it has dots.
    Line(Colour, bool),
}

impl Swatch {
    fn width(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Dashes | Self::Line(..) => SWATCH + SWATCH_GAP,
        }
    }
}

struct LegendItem<'a> {
    text: &'a str,
    swatch: Swatch,
    size: f64,
    ink: Colour,
    left: f64,
    line: usize,
}

/// Stretches of neighbouring points.
fn runs(points: &[Option<Sample>]) -> Vec<Vec<Sample>> {
    points
        .split(Option::is_none)
        .map(|run| run.iter().copied().flatten().collect::<Vec<_>>())
        .filter(|run| !run.is_empty())
        .collect()
}
