//! A table as Markdown.

use std::fmt::Write as _;

use super::grid::{Block, Cell, Rank, Row, Table, UNFINISHED};
use crate::code::marked;

/// The table under a heading of the given depth.
pub(crate) fn markdown(table: &Table, depth: usize) -> String {
    let mut text = format!("{} {}\n\n", "#".repeat(depth), escape(&table.title));
    if !table.caption.is_empty() {
        let _ = write!(text, "{}\n\n", escape(&table.caption));
    }
    for block in &table.blocks {
        let _ = write!(text, "**{}**\n\n{}\n", escape(&block.heading()), grid(block));
    }
    for note in &table.notes {
        let _ = writeln!(text, "- {}", escape(note));
    }
    text
}

/// Backslashes before what Markdown would read as markup, but around code between backticks.
pub(crate) fn escape(text: &str) -> String {
    marked(text, plain, |part| format!("`{part}`"))
}

fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '|' | '<' | '[' | ']' | '#') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn grid(block: &Block) -> String {
    let mut header: Vec<String> = block.row_names.iter().map(|name| escape(name)).collect();
    header.extend(block.columns.iter().map(|column| escape(&column.header())));
    let mut text = line(&header);
    text += &line(&vec!["---:".to_owned(); header.len()]);
    for row in &block.rows {
        text += &line(&cells(row, block.row_names.len()));
    }
    text
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn cells(row: &Row, labels: usize) -> Vec<String> {
    let mut texts: Vec<String> = row.labels.iter().map(|label| escape(label)).collect();
    if row.anchor {
        texts = texts.iter().map(|label| format!("_{label}_")).collect();
    }
    texts.resize(labels, String::new());
    texts.extend(row.cells.iter().map(cell));
    texts
}

fn cell(cell: &Cell) -> String {
    let mut text = match cell.rank {
        Rank::Best => format!("**{}**", cell.text),
        // GitHub drops `<u>` but keeps `<ins>`, which shows as an underline.
        Rank::Second => format!("<ins>{}</ins>", cell.text),
        Rank::None => cell.text.clone(),
    };
    if let Some(spread) = &cell.spread {
        let _ = write!(text, " ± {spread}");
    }
    if !cell.marks.is_empty() {
        let _ = write!(text, " {}", escape(cell.marks));
    }
    if cell.partial {
        let _ = write!(text, " {UNFINISHED}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{few, few_table};
    use crate::stats::Frame;

    #[test]
    fn code_between_backticks_stays_as_it_is() {
        assert_eq!(escape("`a_b` of_all"), "`a_b` of\\_all");
        assert_eq!(escape("one ` alone"), "one \\` alone");
    }

    #[test]
    fn snapshot() {
        let text = markdown(&Table::new(&few_table(), &few(), &Frame::new(&few())).unwrap(), 2);
        assert_eq!(
            text,
            r"## Sizes

50 % of R\_1 & R\_2.

**measured (scale smoke, in-world heads)**

| elements | Retrieval top-1 ↑ | Dead entries (%) ↓ |
| ---: | ---: | ---: |
| 1024 | <ins>0.522</ins> ± 0.036 | **21.0** ± 12.7 |
| 4096 | **0.722** ± 0.036 | <ins>29.4</ins> ± 17.8 |
| 8192 | … | … |
| _chance_ | 0.016 | – |

**published (paper, Table 3)**

| elements | FaceSim-Cur ↑ |
| ---: | ---: |
| 1024 | 0.448 |
| 2048 | – |

- ± half of the 95 % interval over 4 people and 2 seeds; over seeds alone for Dead entries (%).
- \* p \< 0.05, \*\* p \< 0.01, \*\*\* p \< 0.001: differs from the best of its column (paired permutation over people and, with several seeds, a test across seeds; Holm over the table's 2 comparisons).
- Smallest difference that a single comparison finds with 80 % power: Dead entries (%) 5.6.
- … not measured yet, or fewer than the 2 seeds planned.
"
        );
    }
}
