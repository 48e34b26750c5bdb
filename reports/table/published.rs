//! The paper's table as a block of constants: no intervals, no marks.

use super::grid::{Block, Cell, Column, Row, arrow};
use crate::number;
use crate::rows::Provenance;
use crate::sheet::Published;

/// The block under the heading `published`.
pub(super) fn block(paper: &Published) -> Block {
    let columns: Vec<Column> = paper
        .columns
        .iter()
        .map(|column| Column {
            name: column.name.clone(),
            label: column.label.clone(),
            arrow: arrow(column.direction),
            definition: String::new(),
            direction: column.direction,
            digits: column.digits,
        })
        .collect();
    let row = |(label, values): &(serde_json::Value, Vec<Option<f64>>)| Row {
        labels: vec![number::setting(label)],
        anchor: false,
        cells: columns
            .iter()
            .enumerate()
            .map(|(place, column)| Cell::plain(values.get(place).copied().flatten(), column.digits))
            .collect(),
    };
    let mut block = Block {
        provenance: Provenance::Published,
        origin: format!("paper, {}", paper.name),
        row_names: vec![paper.rows.clone()],
        rows: paper.cells.iter().map(row).collect(),
        columns,
    };
    block.rank();
    block
}
