//! `Published`: a table of the paper, typed in, with its arithmetic checked.

use std::sync::Arc;

use ffrun_reports::{rows::Direction, sheet};
use rhai::{Array, Dynamic, Map};

use crate::script::{
    complaint::Complaint,
    convert::{to_json, type_name},
    suggest::did_you_mean_or_list,
};

/// Constants printed in the paper. They carry no variance.
#[derive(Clone)]
pub(super) struct Published(Arc<sheet::Published>);

impl Published {
    /// Reads `#{ name, rows, columns, cells, drops }`.
    pub(super) fn read(map: &Map) -> Result<Self, Complaint> {
        const KEYS: [&str; 5] = ["name", "rows", "columns", "cells", "drops"];
        if let Some(odd) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(wrong(&format!("unknown part `{odd}`"))
                .maybe_hint(did_you_mean_or_list(odd, KEYS))
                .at(odd));
        }
        let columns: Vec<sheet::PublishedColumn> =
            list(map, "columns")?.iter().map(column).collect::<Result<_, _>>()?;
        let cells = list(map, "cells")?
            .iter()
            .map(|cells| row(cells, columns.len()))
            .collect::<Result<_, _>>()?;
        let table =
            sheet::Published { name: text(map, "name")?, rows: text(map, "rows")?, columns, cells };
        for drop in list(map, "drops")? {
            check_drop(&table, &drop)?;
        }
        Ok(Self(Arc::new(table)))
    }

    /// The table itself.
    pub(super) fn table(&self) -> &sheet::Published {
        &self.0
    }

    /// Refuses a column that the table does not have.
    pub(super) fn has_column(&self, name: &str) -> Result<(), Complaint> {
        position(&self.0, name).map(|_| ())
    }

    /// The cell of a row and a column.
    pub(super) fn cell(&self, row: &Dynamic, column: &str) -> Result<f64, Complaint> {
        let column = position(&self.0, column)?;
        let wanted = to_json(row).map_err(|got| wrong(&format!("a row cannot be {got}")))?;
        let found = self.0.cells.iter().find(|(label, _)| *label == wanted);
        let cell = found.and_then(|(_, cells)| cells.get(column).copied().flatten());
        cell.ok_or_else(|| {
            let rows: Vec<String> =
                self.0.cells.iter().map(|(label, _)| label.to_string()).collect();
            Complaint::new("setting", format!("{} prints no such cell for {wanted}", self.0.name))
                .hint(format!("its rows: {}", rows.join(", ")))
        })
    }
}

fn wrong(message: &str) -> Complaint {
    Complaint::new("setting", format!("a published table: {message}"))
}

fn position(table: &sheet::Published, name: &str) -> Result<usize, Complaint> {
    table.columns.iter().position(|column| column.name == name).ok_or_else(|| {
        let known = table.columns.iter().map(|column| column.name.as_str());
        Complaint::new("setting", format!("{} has no column `{name}`", table.name))
            .maybe_hint(did_you_mean_or_list(name, known))
            .at(name)
    })
}

fn text(map: &Map, name: &str) -> Result<String, Complaint> {
    let value = map.get(name).and_then(|value| value.clone().into_string().ok());
    value.ok_or_else(|| wrong(&format!("`{name}` must be a string")))
}

/// An array under this name; none at all for an absent one.
fn list(map: &Map, name: &str) -> Result<Array, Complaint> {
    match map.get(name) {
        None => Ok(Array::new()),
        Some(value) => {
            value.clone().into_array().map_err(|_| wrong(&format!("`{name}` must be an array")))
        }
    }
}

fn column(value: &Dynamic) -> Result<sheet::PublishedColumn, Complaint> {
    let map = value.read_lock::<Map>().ok_or_else(|| wrong("a column must be a map"))?;
    let direction = match text(&map, "better")?.as_str() {
        "higher" => Direction::Higher,
        "lower" => Direction::Lower,
        "neutral" => Direction::Neutral,
        odd => return Err(wrong(&format!("`better` is `{odd}`, not higher, lower or neutral"))),
    };
    let digits = map.get("digits").and_then(|digits| digits.as_int().ok());
    let digits = digits.and_then(|digits| usize::try_from(digits).ok());
    Ok(sheet::PublishedColumn {
        name: text(&map, "name")?,
        label: text(&map, "label")?,
        direction,
        digits: digits.ok_or_else(|| wrong("`digits` must be a whole number"))?,
    })
}

/// A row: its label, then one number or `()` per column.
fn row(
    value: &Dynamic,
    columns: usize,
) -> Result<(serde_json::Value, Vec<Option<f64>>), Complaint> {
    let items = value.read_lock::<Array>().ok_or_else(|| wrong("a row must be an array"))?;
    let Some((label, cells)) = items.split_first() else { return Err(wrong("a row is empty")) };
    let label = to_json(label).map_err(|got| wrong(&format!("a row cannot be named by {got}")))?;
    if cells.len() != columns {
        let message = format!("row {label} has {} cells for {columns} columns", cells.len());
        return Err(wrong(&message));
    }
    let cells: Result<Vec<Option<f64>>, Complaint> = cells
        .iter()
        .map(|cell| match cell.as_float().or_else(|_| cell.as_int().map(|whole| whole as f64)) {
            Ok(number) => Ok(Some(number)),
            Err(_) if cell.is_unit() => Ok(None),
            Err(_) => Err(wrong(&format!("row {label} holds {}", type_name(cell)))),
        })
        .collect();
    Ok((label, cells?))
}

/// Checks that a printed percentage is the loss from one column to another: `#{ printed, from,
/// to }`, to the digits of the printed column.
fn check_drop(table: &sheet::Published, drop: &Dynamic) -> Result<(), Complaint> {
    let map = drop.read_lock::<Map>().ok_or_else(|| wrong("a drop must be a map"))?;
    let at = |name: &str| position(table, &text(&map, name)?);
    let (printed, from, to) = (at("printed")?, at("from")?, at("to")?);
    let scale = 10_f64.powi(table.columns[printed].digits as i32);
    for (label, cells) in &table.cells {
        let (Some(printed), Some(from), Some(to)) = (cells[printed], cells[from], cells[to]) else {
            continue;
        };
        let computed = 100.0 * (from - to) / from;
        // Equal after rounding to the printed digits.
        if ((computed * scale).round() - (printed * scale).round()).abs() > 0.5 {
            let message = format!(
                "{}, row {label}: {from} to {to} is a loss of {computed:.2} %, but {printed} is typed",
                table.name
            );
            return Err(wrong(&message));
        }
    }
    Ok(())
}
