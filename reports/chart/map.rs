//! Maps of a number over two ranges, such as similarity over yaw and pitch: cells of a shade.

use serde::{Deserialize, Serialize};

use super::figure::Width;
use super::palette::Colour;
use super::scene::{Anchor, Mark, Scene, TextStyle};
use crate::number;

/// Room around the maps.
const MARGIN: f64 = 12.0;
/// Room at the left for the edges of rows and their title.
const LEFT: f64 = 52.0;
/// Height of a heading.
const HEADING: f64 = 36.0;
/// Height of a row.
const ROW: f64 = 30.0;
/// Room below a map for the edges of columns and their title.
const FOOTER: f64 = 46.0;
/// Size of small text.
const SMALL: f64 = 10.0;

/// A map with what belongs around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// Heading.
    pub label: String,
    /// What the columns count, with its unit.
    pub x: String,
    /// Ascending edges of the columns.
    pub x_edges: Vec<f64>,
    /// What the rows count, with its unit.
    pub y: String,
    /// Ascending edges of the rows.
    pub y_edges: Vec<f64>,
    /// Rows of cells from the lowest; nothing where nothing was measured.
    pub cells: Vec<Vec<Option<MapCell>>>,
    /// Whether the numbers are differences: shades then grow from 0, a colour to either side.
    #[serde(default)]
    pub signed: bool,
}

/// A cell of a map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapCell {
    /// The number.
    pub value: f64,
    /// How many numbers are behind it.
    pub count: usize,
}

/// Maps one below the other, all on one scale of shades.
pub(crate) fn scene(maps: &[Map], width: Width) -> Scene {
    let full = match width {
        Width::Wide => 720.0,
        Width::Narrow => 340.0,
    };
    let mut scene = Scene::new(full, MARGIN);
    let values = || maps.iter().flat_map(|map| map.cells.iter().flatten().flatten());
    let low = values().map(|cell| cell.value).fold(f64::INFINITY, f64::min);
    let high = values().map(|cell| cell.value).fold(f64::NEG_INFINITY, f64::max);
    let range = Range { low, high };
    for map in maps {
        let columns = map.x_edges.len().saturating_sub(1).max(1);
        let wide = (full - LEFT - 2.0 * MARGIN) / columns as f64;
        map.draw(&mut scene, wide, range);
    }
    scene.height += MARGIN;
    scene
}

impl Map {
    /// Draws the map below what is there.
    fn draw(&self, scene: &mut Scene, wide: f64, range: Range) {
        let (left, top) = (MARGIN + LEFT, scene.height + HEADING);
        let rows = self.y_edges.len().saturating_sub(1);
        let bottom = top + ROW * rows as f64;
        let bold = TextStyle::new(12.0, Colour::Ink).bold();
        scene.text((MARGIN, scene.height + 14.0), self.label.as_str(), bold);
        for (at, row) in self.cells.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let x = left + wide * column as f64;
                let y = bottom - ROW * (at + 1) as f64;
                let shade = cell.map(|cell| range.shade(cell.value, self.signed));
                draw_cell(scene, (x, y, wide), cell.zip(shade), self.signed);
            }
        }
        let muted = TextStyle::new(SMALL, Colour::Muted);
        let middle = muted.anchored(Anchor::Middle);
        for (at, edge) in self.x_edges.iter().enumerate() {
            let place = (left + wide * at as f64, bottom + 14.0);
            scene.text(place, number::short(*edge), middle);
        }
        for (at, edge) in self.y_edges.iter().enumerate() {
            let place = (left - 6.0, bottom - ROW * at as f64 + SMALL * 0.36);
            scene.text(place, number::short(*edge), muted.anchored(Anchor::End));
        }
        let centre = left + wide * self.x_edges.len().saturating_sub(1) as f64 / 2.0;
        scene.text((centre, bottom + 30.0), self.x.as_str(), middle);
        scene.text((MARGIN, top - 8.0), self.y.as_str(), muted);
        scene.height = bottom + FOOTER;
    }
}

/// The smallest and the largest number of all maps.
#[derive(Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// Colour and opacity of a number. The deeper the shade, the higher the number, or the farther
    /// from 0; text stays readable on all of them.
    fn shade(self, value: f64, signed: bool) -> (Colour, f64) {
        let share = |at: f64, of: f64| if of > 0.0 { at / of } else { 0.5 };
        if !signed {
            return (Colour::Kind(0), 0.1 + 0.5 * share(value - self.low, self.high - self.low));
        }
        let farthest = self.low.abs().max(self.high.abs());
        let colour = if value < 0.0 { Colour::Kind(1) } else { Colour::Kind(0) };
        (colour, 0.05 + 0.55 * share(value.abs(), farthest))
    }
}

fn draw_cell(
    scene: &mut Scene,
    (x, y, wide): (f64, f64, f64),
    cell: Option<(MapCell, (Colour, f64))>,
    signed: bool,
) {
    let corners = |inset: f64| {
        let (right, bottom) = (x + wide - inset, y + ROW - inset);
        vec![(x + inset, y + inset), (right, y + inset), (right, bottom), (x + inset, bottom)]
    };
    let Some((cell, (colour, opacity))) = cell else {
        scene.marks.push(Mark::Area { points: corners(0.5), colour: Colour::Grid, opacity: 0.35 });
        return;
    };
    scene.marks.push(Mark::Area { points: corners(0.5), colour, opacity });
    let centre = x + wide / 2.0;
    let ink = TextStyle::new(SMALL, Colour::Ink).anchored(Anchor::Middle);
    let plus = if signed && cell.value >= 0.005 { "+" } else { "" };
    scene.text((centre, y + 13.0), format!("{plus}{}", number::fixed(cell.value, 2)), ink);
    let muted = TextStyle::new(8.0, Colour::Muted).anchored(Anchor::Middle);
    scene.text((centre, y + 24.0), format!("n {}", cell.count), muted);
}

#[cfg(test)]
mod tests {
    use super::{Map, MapCell, Range, scene};
    use crate::chart::Width;
    use crate::chart::scene::Mark;

    #[test]
    fn every_cell_is_drawn_and_measured_ones_say_their_number() {
        let cell = |value| Some(MapCell { value, count: 3 });
        let map = Map {
            label: "vidu".into(),
            x: "yaw in °".into(),
            x_edges: vec![-90.0, 0.0, 90.0],
            y: "pitch in °".into(),
            y_edges: vec![-30.0, 30.0],
            cells: vec![vec![cell(0.25), None]],
            signed: false,
        };
        let drawn = scene(&[map.clone(), map], Width::Narrow);
        let areas = drawn.marks.iter().filter(|mark| matches!(mark, Mark::Area { .. })).count();
        assert_eq!(areas, 4);
        let says = |wanted: &str| {
            drawn
                .marks
                .iter()
                .filter(|m| matches!(m, Mark::Text { text, .. } if text == wanted))
                .count()
        };
        assert_eq!((says("0.25"), says("n 3"), says("vidu")), (2, 2, 2));
        assert!(drawn.height > 150.0);
        assert!(scene(&[], Width::Wide).marks.is_empty());
    }

    #[test]
    fn differences_have_a_sign_and_a_colour_to_either_side_of_nothing() {
        let range = Range { low: -0.1, high: 0.2 };
        let [less, none, more] = [-0.2, 0.0, 0.2].map(|value| range.shade(value, true));
        assert_ne!(less.0, more.0);
        assert!((less.1 - more.1).abs() < 1e-12 && none.1 < 0.1);
        let map = Map {
            label: "ours − theirs".into(),
            x: "yaw, °".into(),
            x_edges: vec![0.0, 30.0, 60.0],
            y: "pitch, °".into(),
            y_edges: vec![0.0, 30.0],
            cells: vec![vec![
                Some(MapCell { value: 0.12, count: 2 }),
                Some(MapCell { value: -0.1, count: 1 }),
            ]],
            signed: true,
        };
        let drawn = scene(&[map], Width::Wide);
        for wanted in ["+0.12", "\u{2212}0.10"] {
            let found =
                drawn.marks.iter().any(|m| matches!(m, Mark::Text { text, .. } if text == wanted));
            assert!(found, "no {wanted}");
        }
    }
}
