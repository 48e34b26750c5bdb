//! A whole figure: sections by provenance, each a grid of panels.

use super::lines::Over;
use super::palette::Colour;
use super::panel::{self, Panel};
use super::scene::{Anchor, Scene, TextStyle};
use super::{behind, curve, given, lines, pareto, published};
use crate::ReportError;
use crate::rows::Results;
use crate::sheet::{Axis as Scale, ChartSpec, Drawing};
use crate::stats::Frame;
use crate::table::origin;

/// A figure before it has a width.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    sections: Vec<Section>,
}

/// Panels of one provenance.
#[derive(Clone, Debug)]
struct Section {
    /// `measured`
    word: &'static str,
    /// `scale tiny, in-world heads`
    origin: String,
    panels: Vec<Panel>,
}

/// What a figure is laid out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// A page or a paper, 720 logical pixels.
    Wide,
    /// A phone, 340 logical pixels.
    Narrow,
}

/// Room around the figure.
const MARGIN: f64 = 12.0;
/// Gap between panels side by side.
const GUTTER: f64 = 24.0;
/// Gap between rows of panels.
const ROW_GAP: f64 = 14.0;
/// Height of a section's heading.
const HEADING: f64 = 28.0;

impl Figure {
    /// Computes what the chart shows.
    pub(crate) fn new(
        spec: &ChartSpec,
        results: &Results,
        frame: &Frame,
    ) -> Result<Self, ReportError> {
        let (panels, scale) = match &spec.drawing {
            Drawing::Lines { x, axis, metrics, by } => {
                let over = Over { x, scale: *axis, by };
                (lines::panels(spec, &over, metrics, (results, frame))?, *axis)
            }
            Drawing::Curve { curve, axis } => {
                (vec![curve::panel(spec, curve, *axis, results)?], Scale::Linear)
            }
            Drawing::Pareto { cost, axis, gain, only } => {
                let axes = pareto::Axes { cost, scale: *axis, gain };
                (vec![pareto::panel(spec, &axes, only, (results, frame))?], Scale::Linear)
            }
            Drawing::Behind { x, metric, only } => {
                (behind::panels(spec, (x, metric), only, (results, frame))?, Scale::Linear)
            }
            Drawing::Given { x, lines } => (vec![given::panel(x, lines)], Scale::Linear),
            Drawing::Maps(_) | Drawing::Scatters(_) | Drawing::Matrices(_) => {
                (Vec::new(), Scale::Linear)
            }
        };
        let mut sections = vec![Section { word: "measured", origin: origin(results), panels }];
        if let Some(paper) = &spec.beside {
            sections.push(Section {
                word: "published",
                origin: format!("paper, {}", paper.name),
                panels: published::panels(spec, paper, scale)?,
            });
        }
        Ok(Self { sections })
    }

    /// Lays the figure out.
    pub(crate) fn scene(&self, width: Width) -> Scene {
        let full = width.pixels();
        let inner = full - 2.0 * MARGIN;
        let mut scene = Scene::new(full, 0.0);
        let pair = self.sections.len() == 2 && self.sections.iter().all(|s| s.panels.len() == 1);
        let mut top = MARGIN;
        if pair && width == Width::Wide {
            top = self.draw_pair(&mut scene, (inner - GUTTER) / 2.0, top);
        } else {
            for section in &self.sections {
                section.heading(&mut scene, MARGIN, inner, top);
                top = grid(&mut scene, &section.panels, inner, top + HEADING) + ROW_GAP;
            }
            top -= ROW_GAP;
        }
        scene.height = top + MARGIN;
        scene
    }

    /// Two sections of one panel each, side by side; returns the lower end.
    fn draw_pair(&self, scene: &mut Scene, width: f64, top: f64) -> f64 {
        for (place, section) in self.sections.iter().enumerate() {
            section.heading(scene, MARGIN + place as f64 * (width + GUTTER), width, top);
        }
        let panels: Vec<&Panel> = self.sections.iter().flat_map(|s| &s.panels).collect();
        row(scene, &panels, width, top + HEADING)
    }
}

impl Section {
    fn heading(&self, scene: &mut Scene, left: f64, width: f64, top: f64) {
        heading(scene, (self.word, &self.origin), left, width, top);
    }
}

/// Opens a scene of measured panels under the heading that every chart has; returns its margin.
pub(crate) fn measured_scene(width: Width, origin: &str) -> (Scene, f64) {
    let full = width.pixels();
    let mut scene = Scene::new(full, MARGIN + HEADING);
    heading(&mut scene, ("measured", origin), MARGIN, full - 2.0 * MARGIN, MARGIN);
    (scene, MARGIN)
}

impl Width {
    /// Logical pixels.
    pub(crate) fn pixels(self) -> f64 {
        match self {
            Self::Wide => 720.0,
            Self::Narrow => 340.0,
        }
    }
}

/// `measured` at the left, where from at the right, and a rule below.
fn heading(scene: &mut Scene, (word, origin): (&str, &str), left: f64, width: f64, top: f64) {
    let bold = TextStyle::new(12.0, Colour::Ink).bold();
    scene.text((left, top + 11.0), word, bold);
    let muted = TextStyle::new(11.0, Colour::Muted).anchored(Anchor::End);
    scene.text((left + width, top + 11.0), origin, muted);
    scene.rule((left, top + 18.0), (left + width, top + 18.0), 1.0, Colour::Grid);
}

/// Panels in rows of equal columns; returns the lower end.
fn grid(scene: &mut Scene, panels: &[Panel], width: f64, top: f64) -> f64 {
    let columns = match panels.len() {
        _ if width < 400.0 => 1,
        1 => 1,
        2 | 4 => 2,
        _ => 3,
    };
    let wide = (width - GUTTER * (columns - 1) as f64) / columns as f64;
    let mut top = top;
    for (place, panels) in panels.chunks(columns).enumerate() {
        let panels: Vec<&Panel> = panels.iter().collect();
        top = row(scene, &panels, wide, if place == 0 { top } else { top + ROW_GAP });
    }
    top
}

/// Panels side by side with one baseline; returns the lower end.
fn row(scene: &mut Scene, panels: &[&Panel], width: f64, top: f64) -> f64 {
    let labels = panels.iter().map(|panel| panel.label_width()).fold(0.0, f64::max);
    let header = panels.iter().map(|panel| panel.header_height(width)).fold(0.0, f64::max);
    // A lone panel of a wide figure is flatter than one of a grid.
    let height = header + (width * 0.5).clamp(150.0, 250.0) + 36.0;
    for (place, panel) in panels.iter().enumerate() {
        let left = MARGIN + place as f64 * (width + GUTTER);
        panel.draw(scene, panel::Frame { left, top, width, height }, labels, header);
    }
    top + height
}
