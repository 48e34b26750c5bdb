//! A table as aligned text for a terminal.

use super::grid::{Block, Cell, Rank, Row, Table, UNFINISHED};
use crate::ReportError;
use crate::rows::Results;
use crate::sheet::TableSpec;
use crate::stats::Frame;

/// Spaces between columns.
const GAP: usize = 2;

/// The same table as aligned text, at most `width` characters wide: columns that do not fit
/// continue in a further part below, with the row labels repeated; floors and ceilings stand only in
/// parts that hold a number of theirs. With `color`, the best is bold
/// and the second underlined; without it they carry no sign. Ends with a line break.
pub fn terminal_table(
    spec: &TableSpec,
    results: &Results,
    width: usize,
    color: bool,
) -> Result<String, ReportError> {
    let table = Table::new(spec, results, &Frame::new(results))?;
    let mut text = format!("{}\n", table.title);
    for block in &table.blocks {
        text = format!("{text}\n{}\n", block.heading());
        let columns = columns(block);
        for part in parts(&columns, block.row_names.len(), width) {
            let values = &part[block.row_names.len()..];
            let shown = |row: &Row, line: usize| {
                !row.anchor || values.iter().any(|column| !column.lines[line].absent)
            };
            let rows = block.rows.iter().zip(1..).filter(|(row, line)| shown(row, *line));
            for line in std::iter::once(0).chain(rows.map(|(_, line)| line)) {
                let cells: Vec<String> =
                    part.iter().map(|column| column.padded(line, color)).collect();
                text += cells.join(&" ".repeat(GAP)).trim_end();
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// A cell: what is emphasised, and what follows it.
struct Styled {
    head: String,
    tail: String,
    rank: Rank,
    /// Says that there is no number.
    absent: bool,
}

impl Styled {
    fn plain(text: &str) -> Self {
        Self { head: text.to_owned(), tail: String::new(), rank: Rank::None, absent: false }
    }

    fn width(&self) -> usize {
        self.head.chars().count() + self.tail.chars().count()
    }
}

/// A header and its cells, one per row.
struct Column {
    lines: Vec<Styled>,
    width: usize,
}

impl Column {
    fn new(lines: Vec<Styled>) -> Self {
        let width = lines.iter().map(Styled::width).max().unwrap_or(0);
        Self { lines, width }
    }

    fn padded(&self, line: usize, color: bool) -> String {
        let Styled { head, tail, rank, .. } = &self.lines[line];
        let room = " ".repeat(self.width - self.lines[line].width());
        match rank {
            Rank::Best if color => format!("{room}\u{1b}[1m{head}\u{1b}[0m{tail}"),
            Rank::Second if color => format!("{room}\u{1b}[4m{head}\u{1b}[0m{tail}"),
            _ => format!("{room}{head}{tail}"),
        }
    }
}

/// Label columns, then value columns.
fn columns(block: &Block) -> Vec<Column> {
    let label = |place: usize| {
        let own = |row: &Row| Styled::plain(row.labels.get(place).map_or("", String::as_str));
        let header = Styled::plain(&block.row_names[place]);
        Column::new([header].into_iter().chain(block.rows.iter().map(own)).collect())
    };
    let value = |place: usize| {
        let cells = || block.rows.iter().map(|row| &row.cells[place]);
        let wide = cells().map(|cell| spread(cell).chars().count()).max().unwrap_or(0);
        let starred = cells().map(|cell| marks(cell).chars().count()).max().unwrap_or(0);
        let header = Styled::plain(&block.columns[place].header());
        let styled = |cell: &Cell| Styled {
            head: cell.text.clone(),
            // Padded so that the numbers of a column stand under each other.
            tail: format!("{:<wide$}{:<starred$}", spread(cell), marks(cell)),
            rank: cell.rank,
            absent: cell.value.is_none(),
        };
        Column::new([header].into_iter().chain(cells().map(styled)).collect())
    };
    (0..block.row_names.len()).map(label).chain((0..block.columns.len()).map(value)).collect()
}

fn spread(cell: &Cell) -> String {
    cell.spread.as_ref().map_or_else(String::new, |spread| format!(" ±{spread}"))
}

fn marks(cell: &Cell) -> String {
    format!("{}{}", cell.marks, if cell.partial { UNFINISHED } else { "" })
}

/// Columns side by side within `width`, each part led by the label columns.
fn parts(columns: &[Column], labels: usize, width: usize) -> Vec<Vec<&Column>> {
    let (labels, values) = columns.split_at(labels);
    let room = |columns: &[&Column]| columns.iter().map(|column| column.width + GAP).sum::<usize>();
    let mut parts: Vec<Vec<&Column>> = Vec::new();
    for value in values {
        match parts.last_mut() {
            Some(part) if room(part) + value.width <= width => part.push(value),
            _ => parts.push(labels.iter().chain([value]).collect()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{few, few_table};

    #[test]
    fn snapshot() {
        let text = terminal_table(&few_table(), &few(), 80, false).unwrap();
        assert_eq!(
            text,
            r"Sizes

measured (scale smoke, in-world heads)
elements  Retrieval top-1 ↑  Dead entries (%) ↓
    1024       0.522 ±0.036          21.0 ±12.7
    4096       0.722 ±0.036          29.4 ±17.8
    8192           …                    …
  chance       0.016                    –

published (paper, Table 3)
elements  FaceSim-Cur ↑
    1024          0.448
    2048              –
"
        );
    }

    #[test]
    fn narrow_terminals_get_further_parts() {
        let text = terminal_table(&few_table(), &few(), 40, false).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!(text.matches("4096").count(), 2, "{text}");
        // The chance of a retrieval says nothing in the part of the dictionary's entries.
        assert_eq!(text.matches("chance").count(), 1, "{text}");
    }

    #[test]
    fn anchors_have_a_column_even_where_nothing_is_varied() {
        let table = TableSpec { rows: Vec::new(), beside: None, ..few_table() };
        let text = terminal_table(&table, &few(), 80, false).unwrap();
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert!(lines[0].starts_with("          Retrieval top-1 ↑"), "{text}");
        assert!(lines[1].starts_with("measured                  …"), "{text}");
        assert!(lines[2].starts_with("  chance              0.016"), "{text}");
    }

    #[test]
    fn a_row_of_which_no_metric_speaks_is_left_out_once_it_is_measured() {
        let mut results = few();
        results.observations.retain(|row| {
            row.settings["elements"] != 1024 && row.metric == "retrieval_top1"
                || row.settings["elements"] == 1024 && row.metric == "dictionary_dead"
        });
        let table = |columns: &[&str]| TableSpec {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            origin: Some("photographs".to_owned()),
            beside: None,
            ..few_table()
        };
        let text = terminal_table(&table(&["retrieval_top1"]), &results, 80, false).unwrap();
        assert!(text.contains("measured (photographs)"), "{text}");
        assert!(!text.contains("1024") && text.contains("4096"), "{text}");
        // Nothing of it was measured yet.
        assert!(text.contains("8192           …"), "{text}");
        // Where one of the columns speaks of a row, the other has a dash.
        let text = terminal_table(&table(&[]), &results, 80, false).unwrap();
        assert!(text.contains("    1024           –"), "{text}");
    }

    #[test]
    fn colour_marks_the_best() {
        let text = terminal_table(&few_table(), &few(), 80, true).unwrap();
        assert!(text.contains("\u{1b}[1m0.722\u{1b}[0m"), "{text}");
    }
}
