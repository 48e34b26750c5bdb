//! Named rows and columns of shares, such as which entry is active in which pose: shaded cells.

use serde::{Deserialize, Serialize};

use super::figure::{Width, measured_scene};
use super::font;
use super::palette::Colour;
use super::scene::{Anchor, Mark, Scene, TextStyle};
use crate::number;

/// Shares from 0 to 1 with names around them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// Heading.
    pub label: String,
    /// Names of the columns, as lines of words.
    pub columns: Vec<String>,
    /// The rows from the top.
    pub rows: Vec<MatrixRow>,
}

/// A row of a [`Matrix`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// What it belongs to; written once where neighbours share it.
    pub group: String,
    /// Its name.
    pub name: String,
    /// A share for each column.
    pub shares: Vec<f64>,
}

/// Height of a row.
const ROW: f64 = 22.0;
/// Height of a heading and of the line of column names.
const LABEL: f64 = 22.0;
/// Line height of column names.
const LINE: f64 = 12.0;
/// Size of small text.
const SMALL: f64 = 10.0;
/// Gap between groups of rows and between matrices.
const APART: f64 = 6.0;
/// Gap between names and cells.
const GAP: f64 = 8.0;

/// Matrices one below the other. All shades run from 0 to 1.
pub(crate) fn scene(matrices: &[Matrix], origin: &str, width: Width) -> Scene {
    let (mut scene, margin) = measured_scene(width, origin);
    if matrices.iter().all(|matrix| matrix.rows.is_empty()) {
        let muted = TextStyle::new(SMALL, Colour::Muted);
        scene.text((margin, scene.height + SMALL), "nothing measured yet", muted);
        scene.height += LABEL;
    }
    for matrix in matrices.iter().filter(|matrix| !matrix.rows.is_empty()) {
        matrix.draw(&mut scene, margin);
    }
    scene.height += margin;
    scene
}

impl Matrix {
    fn draw(&self, scene: &mut Scene, margin: f64) {
        let bold = TextStyle::new(12.0, Colour::Ink).bold();
        scene.text((margin, scene.height + 11.0), self.label.as_str(), bold);
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| font::width(text, SMALL, false)).fold(0.0, f64::max)
        };
        let groups = widest(&mut self.rows.iter().map(|row| &row.group));
        let names = widest(&mut self.rows.iter().map(|row| &row.name));
        let left = margin + groups + GAP + names + GAP;
        let wide = (scene.width - margin - left) / self.columns.len().max(1) as f64;
        let mut top = self.draw_columns(scene, left, wide);
        let mut group = "";
        for row in &self.rows {
            if row.group != group {
                top += if group.is_empty() { 0.0 } else { APART };
                group = &row.group;
                let ink = TextStyle::new(SMALL, Colour::Ink);
                scene.text((margin, top + ROW / 2.0 + SMALL * 0.36), group, ink);
            }
            let right = TextStyle::new(SMALL, Colour::Muted).anchored(Anchor::End);
            let baseline = top + ROW / 2.0 + SMALL * 0.36;
            scene.text((left - GAP, baseline), row.name.as_str(), right);
            for (column, share) in row.shares.iter().enumerate() {
                cell(scene, (left + wide * column as f64, top, wide), *share);
            }
            top += ROW;
        }
        scene.height = top + APART;
    }

    /// Writes the names of the columns below the heading; returns the top of the first row.
    fn draw_columns(&self, scene: &mut Scene, left: f64, wide: f64) -> f64 {
        let wrapped: Vec<Vec<String>> =
            self.columns.iter().map(|name| wrap(name, wide - 4.0)).collect();
        let lines = wrapped.iter().map(Vec::len).max().unwrap_or(1);
        let heading = if self.label.is_empty() { 0.0 } else { LABEL };
        let top = scene.height + heading + LINE * lines as f64 + 4.0;
        let middle = TextStyle::new(SMALL, Colour::Muted).anchored(Anchor::Middle);
        for (column, words) in wrapped.iter().enumerate() {
            let centre = left + wide * (column as f64 + 0.5);
            for (line, text) in words.iter().rev().enumerate() {
                let baseline = top - 6.0 - LINE * line as f64;
                scene.text((centre, baseline), text.as_str(), middle);
            }
        }
        top
    }
}

fn cell(scene: &mut Scene, (x, y, wide): (f64, f64, f64), share: f64) {
    let (right, bottom) = (x + wide - 0.5, y + ROW - 0.5);
    let points = vec![(x + 0.5, y + 0.5), (right, y + 0.5), (right, bottom), (x + 0.5, bottom)];
    // The deeper the shade, the higher the share; text stays readable on all of them.
    let opacity = 0.04 + 0.6 * share.clamp(0.0, 1.0);
    scene.marks.push(Mark::Area { points, colour: Colour::Kind(0), opacity });
    let ink = TextStyle::new(SMALL, Colour::Ink).anchored(Anchor::Middle);
    let place = (x + wide / 2.0, y + ROW / 2.0 + SMALL * 0.36);
    scene.text(place, number::fixed(share, 2), ink);
}

/// Words in lines that fit a width; a word that is too long stands alone.
fn wrap(text: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if font::width(&format!("{line} {word}"), SMALL, false) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Matrix, MatrixRow, scene, wrap};
    use crate::chart::Width;
    use crate::chart::scene::Mark;

    #[test]
    fn every_share_has_a_cell_and_a_group_is_named_once() {
        let row = |name: &str| MatrixRow {
            group: "frontal".into(),
            name: name.into(),
            shares: vec![0.25, 0.75],
        };
        let matrix = Matrix {
            label: "entries".into(),
            columns: vec!["frontal".into(), "profile left".into()],
            rows: vec![row("#3"), row("#562")],
        };
        let drawn = scene(&[matrix], "scale tiny", Width::Narrow);
        let areas = drawn.marks.iter().filter(|mark| matches!(mark, Mark::Area { .. })).count();
        assert_eq!(areas, 4);
        let says = |wanted: &str| {
            let same = |mark: &&Mark| matches!(mark, Mark::Text { text, .. } if text == wanted);
            drawn.marks.iter().filter(same).count()
        };
        // Once as a group and once as a column.
        assert_eq!((says("frontal"), says("#562"), says("0.75")), (2, 1, 2));
    }

    #[test]
    fn long_names_take_several_lines() {
        assert_eq!(wrap("profile left", 40.0), ["profile", "left"]);
        assert_eq!(wrap("frontal", 5.0), ["frontal"]);
    }
}
