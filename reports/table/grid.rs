//! A table as computed, before any format: blocks, columns, rows, cells.

use serde::Serialize;

use super::{measured, notes, published};
use crate::ReportError;
use crate::number;
use crate::rows::{Direction, Provenance, Results};
use crate::sheet::TableSpec;
use crate::stats::{Difference, Estimate, Frame};

/// A table with one block per provenance, which no format may merge.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    /// File stem.
    pub(crate) id: String,
    /// Heading.
    pub(crate) title: String,
    /// What the script says about it.
    pub(crate) caption: String,
    /// Measured numbers, then the paper's if the script asked for them.
    pub(crate) blocks: Vec<Block>,
    /// How to read the numbers, one sentence each.
    pub(crate) notes: Vec<String>,
}

/// Rows and columns under one heading of provenance.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Block {
    /// `measured` or `published`.
    pub(crate) provenance: Provenance,
    /// What qualifies it: `scale tiny, in-world heads`, or `paper, Table 3`.
    pub(crate) origin: String,
    /// Names of the label columns.
    pub(crate) row_names: Vec<String>,
    /// Value columns.
    pub(crate) columns: Vec<Column>,
    /// Trials in declared order, then floors and ceilings.
    pub(crate) rows: Vec<Row>,
}

/// A value column.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Column {
    /// Identifier.
    pub(crate) name: String,
    /// What a reader sees, with its unit.
    pub(crate) label: String,
    /// `↑`, `↓` or nothing.
    pub(crate) arrow: &'static str,
    /// One sentence of definition, for a tooltip; empty in published blocks.
    pub(crate) definition: String,
    /// Which way is better.
    #[serde(skip)]
    pub(crate) direction: Direction,
    /// Digits after the point.
    #[serde(skip)]
    pub(crate) digits: usize,
}

/// A row of values.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// One label per label column; a floor or ceiling has one label in all.
    pub(crate) labels: Vec<String>,
    /// A floor or ceiling: never ranked, never tested.
    pub(crate) anchor: bool,
    /// One cell per value column.
    pub(crate) cells: Vec<Cell>,
}

/// Place of a cell in its column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rank {
    /// Shown bold.
    Best,
    /// Shown underlined.
    Second,
    /// All others.
    #[default]
    None,
}

/// A cell, as text and as numbers.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Cell {
    /// The number, `…` while it is not measured, `–` where there is none.
    pub(crate) text: String,
    /// Half of the 95 % interval.
    pub(crate) spread: Option<String>,
    /// Place in its column.
    pub(crate) rank: Rank,
    /// `*`, `**`, `***` after Holm.
    pub(crate) marks: &'static str,
    /// Some seeds are not measured yet.
    pub(crate) partial: bool,
    /// Exact numbers behind the text.
    #[serde(skip)]
    pub(crate) value: Option<f64>,
    /// The estimate, in measured cells.
    #[serde(skip)]
    pub(crate) estimate: Option<Estimate>,
    /// The comparison with the reference row, and its p-value after Holm.
    #[serde(skip)]
    pub(crate) test: Option<(Difference, f64)>,
}

/// Text of a cell whose trials have not finished.
pub(crate) const UNFINISHED: &str = "…";
/// Text of a cell that has no number.
pub(crate) const ABSENT: &str = "–";

impl Table {
    /// Computes a table from everything measured so far.
    pub(crate) fn new(
        spec: &TableSpec,
        results: &Results,
        frame: &Frame,
    ) -> Result<Self, ReportError> {
        let measured = measured::block(spec, results, frame)?;
        let notes = notes::notes(spec, &measured, frame);
        let mut blocks = vec![measured];
        blocks.extend(spec.beside.as_ref().map(published::block));
        Ok(Self {
            id: spec.id.clone(),
            title: title(&spec.id, &spec.title),
            caption: spec.caption.clone(),
            blocks,
            notes,
        })
    }

    /// Headings of the blocks.
    pub(crate) fn headings(&self) -> Vec<String> {
        self.blocks.iter().map(Block::heading).collect()
    }
}

impl Cell {
    /// A number without an interval.
    pub(crate) fn plain(value: Option<f64>, digits: usize) -> Self {
        let text = value.map_or_else(|| ABSENT.to_owned(), |value| number::fixed(value, digits));
        Self { text, value, ..Self::default() }
    }
}

impl Column {
    /// Header text: label and arrow.
    pub(crate) fn header(&self) -> String {
        format!("{} {}", self.label, self.arrow).trim_end().to_owned()
    }
}

impl Block {
    /// `measured (scale tiny, in-world heads)`.
    pub(crate) fn heading(&self) -> String {
        let word = match self.provenance {
            Provenance::Measured => "measured",
            Provenance::Published => "published",
        };
        format!("{word} ({})", self.origin)
    }

    /// Marks the best and second-best cell of each column; equal texts share a place, since a
    /// reader could not tell why only one of them is bold.
    pub(crate) fn rank(&mut self) {
        for (place, column) in self.columns.iter().enumerate() {
            let sign = match column.direction {
                Direction::Higher => -1.0,
                Direction::Lower => 1.0,
                Direction::Neutral => continue,
            };
            let mut scores: Vec<(f64, String)> = self
                .rows
                .iter()
                .filter(|row| !row.anchor)
                .filter_map(|row| {
                    Some((sign * row.cells[place].value?, row.cells[place].text.clone()))
                })
                .collect();
            scores.sort_by(|a, b| a.0.total_cmp(&b.0));
            scores.dedup_by(|a, b| a.1 == b.1);
            // One number, or one number in all rows, has nothing to be better than.
            let [(_, best), (_, second), ..] = scores.as_slice() else { continue };
            for row in self.rows.iter_mut().filter(|row| !row.anchor) {
                let cell = &mut row.cells[place];
                if cell.value.is_some() && cell.text == *best {
                    cell.rank = Rank::Best;
                } else if cell.value.is_some() && cell.text == *second {
                    cell.rank = Rank::Second;
                }
            }
        }
    }
}

/// The script's heading, or one made from the id.
pub(crate) fn title(id: &str, given: &str) -> String {
    if given.is_empty() { number::heading(id) } else { given.to_owned() }
}

/// Arrow of a direction.
pub(crate) fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Higher => "↑",
        Direction::Lower => "↓",
        Direction::Neutral => "",
    }
}
