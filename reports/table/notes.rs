//! The small print of a table: what ±, marks and signs mean, and what the design can see.

use super::grid::{ABSENT, Block, Cell, Column, UNFINISHED};
use crate::number;
use crate::sheet::TableSpec;
use crate::stats::Frame;

/// One sentence per convention that this table uses.
pub(super) fn notes(spec: &TableSpec, block: &Block, frame: &Frame) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(intervals(block, frame));
    notes.extend(marks(spec, block));
    notes.extend(design(block));
    let cells = || block.rows.iter().flat_map(|row| &row.cells);
    if cells().any(|cell| cell.text == UNFINISHED || cell.partial) {
        let seeds = frame.seeds_planned();
        notes.push(format!(
            "{UNFINISHED} not measured yet, or fewer than the {seeds} seeds planned."
        ));
    }
    if cells().any(|cell| cell.spread.as_deref() == Some(ABSENT)) {
        notes.push(format!("± {ABSENT}: a single number, which says nothing about spread."));
    }
    notes
}

/// What ± means, from the largest sample in the table.
fn intervals(block: &Block, frame: &Frame) -> Option<String> {
    let estimates =
        || block.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.estimate);
    estimates().next()?;
    let people = estimates().map(|estimate| estimate.identities).max()?;
    let seeds = estimates().map(|estimate| estimate.seeds).max()?;
    let mut text = match (people, seeds) {
        (0, _) => format!("± half of the 95 % interval over {}", count(seeds, "seed")),
        (_, 1) if frame.seeds_planned() == 0 => {
            format!("± half of the 95 % interval over {people} people")
        }
        (_, 1) => format!("± half of the 95 % interval over {people} people, for this one seed"),
        _ => format!("± half of the 95 % interval over {people} people and {seeds} seeds"),
    };
    let alone: Vec<&str> = block
        .columns
        .iter()
        .enumerate()
        .filter(|(place, _)| {
            let about = |cell: &Cell| cell.estimate.is_some_and(|e| e.identities == 0);
            people > 0 && block.rows.iter().any(|row| about(&row.cells[*place]))
        })
        .map(|(_, column)| column.label.as_str())
        .collect();
    if !alone.is_empty() {
        text = format!("{text}; over seeds alone for {}", alone.join(", "));
    }
    Some(text + ".")
}

fn marks(spec: &TableSpec, block: &Block) -> Option<String> {
    let tested = |cell: &&Cell| cell.test.is_some_and(|(difference, _)| !difference.p.is_nan());
    let tests = block.rows.iter().flat_map(|row| &row.cells).filter(tested).count();
    if tests == 0 {
        return None;
    }
    let reference = match &spec.against {
        Some((name, value)) => format!("{name} = {}", number::setting(value)),
        None => "the best of its column".to_owned(),
    };
    Some(format!(
        "* p < 0.05, ** p < 0.01, *** p < 0.001: differs from {reference} (paired permutation over \
         people and, with several seeds, a test across seeds; Holm over the table's {}).",
        count(tests, "comparison")
    ))
}

/// Smallest difference that each column could have shown: the median of its comparisons.
fn design(block: &Block) -> Option<String> {
    let seen: Vec<String> = block
        .columns
        .iter()
        .enumerate()
        .filter_map(|(place, column)| Some(smallest(block, place)?).map(|size| shown(column, size)))
        .collect();
    (!seen.is_empty()).then(|| {
        format!(
            "Smallest difference that a single comparison finds with 80 % power: {}.",
            seen.join(", ")
        )
    })
}

fn shown(column: &Column, size: f64) -> String {
    format!("{} {}", column.label, number::rough(size))
}

fn smallest(block: &Block, place: usize) -> Option<f64> {
    let mut sizes: Vec<f64> = block
        .rows
        .iter()
        .filter_map(|row| row.cells[place].test)
        .map(|(difference, _)| difference.detectable)
        .filter(|size| size.is_finite() && *size > 1e-9)
        .collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied()
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
