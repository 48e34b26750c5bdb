//! A table as LaTeX, for a document that loads `booktabs`.

use std::fmt::Write as _;

use super::grid::{ABSENT, Block, Cell, Rank, Row, Table, UNFINISHED};
use crate::code::marked;

/// Characters of `\small` that fit beside each other into a line of text of `article`, 345 pt.
const LINE: usize = 76;
/// Characters that the space between two columns takes.
const APART: usize = 2;
/// Characters of a line of a heading, where its words are no longer.
const HEADING: usize = 14;

/// A `table` float with a `tabular` per block, and further ones for columns beyond the line's width.
pub(crate) fn latex(table: &Table) -> String {
    let mut text =
        String::from("% \\usepackage{booktabs}\n\\begin{table}[t]\n\\centering\n\\small\n");
    text += "\\setlength{\\tabcolsep}{4pt}\n";
    let caption = [table.title.as_str(), table.caption.as_str()]
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| escape(part.trim_end_matches('.')))
        .collect::<Vec<_>>()
        .join(". ");
    let _ = writeln!(text, "\\caption{{{caption}.}}\n\\label{{tab:{}}}", table.id);
    for (place, block) in table.blocks.iter().enumerate() {
        if place > 0 {
            text += "\n\\medskip\n\n";
        }
        let _ = writeln!(text, "\\emph{{{}}}\\\\[2pt]", escape(&block.heading()));
        let parts: Vec<String> = parts(block).iter().map(|part| tabular(block, part)).collect();
        text += &parts.join("\n\\smallskip\n\n");
    }
    if !table.notes.is_empty() {
        let notes: Vec<String> = table.notes.iter().map(|note| escape(note)).collect();
        let _ = write!(text, "\n\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n");
        let _ = writeln!(text, "{}\n\\end{{minipage}}", notes.join("\n"));
    }
    text + "\\end{table}\n"
}

/// Text with what LaTeX would read as commands made literal, and code between backticks.
fn escape(text: &str) -> String {
    marked(text, plain, |part| format!("\\texttt{{{}}}", plain(part)))
}

fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            _ => match symbol(letter) {
                Some(command) => escaped.push_str(command),
                None => escaped.push(letter),
            },
        }
    }
    escaped
}

/// Signs that a plain LaTeX font lacks or sets badly.
fn symbol(letter: char) -> Option<&'static str> {
    Some(match letter {
        '↑' => "$\\uparrow$",
        '↓' => "$\\downarrow$",
        '±' => "$\\pm$",
        '×' => "$\\times$",
        '−' => "$-$",
        '≤' => "$\\le$",
        '≥' => "$\\ge$",
        '<' => "$<$",
        '>' => "$>$",
        '|' => "$|$",
        '°' => "$^\\circ$",
        '²' => "$^2$",
        '³' => "$^3$",
        'τ' => "$\\tau$",
        'λ' => "$\\lambda$",
        '–' => "--",
        '—' => "---",
        '…' => "\\ldots{}",
        _ => return None,
    })
}

/// The value columns in parts that each fit into a line, at least one column in each.
fn parts(block: &Block) -> Vec<Vec<usize>> {
    let labels = |row: &Row| row.labels.iter().map(|label| label.chars().count() + APART).sum();
    let labels: usize = block.rows.iter().map(labels).max().unwrap_or(0);
    let (mut parts, mut left) = (Vec::<Vec<usize>>::new(), 0);
    for place in 0..block.columns.len() {
        let width = APART + width(block, place);
        match parts.last_mut() {
            Some(part) if width <= left => part.push(place),
            _ => {
                parts.push(vec![place]);
                left = LINE.saturating_sub(labels);
            }
        }
        left = left.saturating_sub(width);
    }
    parts
}

/// Characters of the widest line of a value column.
fn width(block: &Block, place: usize) -> usize {
    let heading = lines(&block.columns[place].header());
    let heading = heading.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let cell = |row: &Row| {
        let cell = &row.cells[place];
        let spread = cell.spread.as_ref().map_or(0, |spread| spread.chars().count() + 1);
        // Intervals are set smaller.
        cell.text.chars().count() + cell.marks.len() + spread * 4 / 5
    };
    block.rows.iter().map(cell).max().unwrap_or(0).max(heading)
}

/// A heading in lines, broken between words.
fn lines(heading: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in heading.split_whitespace() {
        match lines.last_mut() {
            // An arrow never begins a line.
            Some(line)
                if line.chars().count() + 1 + word.chars().count() <= HEADING
                    || ["↑", "↓"].contains(&word) =>
            {
                *line = format!("{line} {word}");
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A heading, in a stack where it takes several lines.
fn heading(text: &str) -> String {
    let lines: Vec<String> = lines(text).iter().map(|line| escape(line)).collect();
    match lines.as_slice() {
        [line] => line.clone(),
        lines => format!("\\shortstack[r]{{{}}}", lines.join("\\\\")),
    }
}

/// The value columns `part` of a block, led by its labels.
fn tabular(block: &Block, part: &[usize]) -> String {
    let columns = block.row_names.len() + part.len();
    let mut header: Vec<String> = block.row_names.iter().map(|name| escape(name)).collect();
    header.extend(part.iter().map(|place| heading(&block.columns[*place].header())));
    let mut text = format!("\\begin{{tabular}}{{{}}}\n\\toprule\n", "r".repeat(columns));
    let _ = writeln!(text, "{} \\\\\n\\midrule", header.join(" & "));
    let mut ruled = false;
    let empty = |row: &Row| part.iter().all(|place| row.cells[*place].value.is_none());
    for row in block.rows.iter().filter(|row| !(row.anchor && empty(row))) {
        if row.anchor && !ruled {
            text += "\\midrule\n";
            ruled = true;
        }
        let _ = writeln!(text, "{} \\\\", cells(row, block.row_names.len(), part).join(" & "));
    }
    text + "\\bottomrule\n\\end{tabular}\n"
}

fn cells(row: &Row, labels: usize, part: &[usize]) -> Vec<String> {
    let label = |label: &String| {
        if row.anchor { format!("\\emph{{{}}}", escape(label)) } else { escape(label) }
    };
    let mut texts: Vec<String> = row.labels.iter().map(label).collect();
    texts.resize(labels, String::new());
    texts.extend(part.iter().map(|place| cell(&row.cells[*place])));
    texts
}

fn cell(cell: &Cell) -> String {
    let number = escape(&cell.text);
    let mut text = match cell.rank {
        Rank::Best => format!("\\textbf{{{number}}}"),
        Rank::Second => format!("\\underline{{{number}}}"),
        Rank::None => number,
    };
    match cell.spread.as_deref() {
        Some(ABSENT) | None => {}
        Some(spread) => {
            let _ = write!(text, "{{\\scriptsize\\,$\\pm$\\,{spread}}}");
        }
    }
    if !cell.marks.is_empty() {
        let _ = write!(text, "$^{{{}}}$", cell.marks);
    }
    if cell.partial {
        text += &escape(UNFINISHED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{few, few_table};
    use crate::stats::Frame;

    #[test]
    fn code_between_backticks_is_set_as_code() {
        assert_eq!(escape("`a_b` & c"), "\\texttt{a\\_b} \\& c");
    }

    #[test]
    fn snapshot() {
        let text = latex(&Table::new(&few_table(), &few(), &Frame::new(&few())).unwrap());
        assert_eq!(
            text,
            r"% \usepackage{booktabs}
\begin{table}[t]
\centering
\small
\setlength{\tabcolsep}{4pt}
\caption{Sizes. 50 \% of R\_1 \& R\_2.}
\label{tab:sizes}
\emph{measured (scale smoke, in-world heads)}\\[2pt]
\begin{tabular}{rrr}
\toprule
elements & \shortstack[r]{Retrieval\\top-1 $\uparrow$} & \shortstack[r]{Dead entries\\(\%) $\downarrow$} \\
\midrule
1024 & \underline{0.522}{\scriptsize\,$\pm$\,0.036} & \textbf{21.0}{\scriptsize\,$\pm$\,12.7} \\
4096 & \textbf{0.722}{\scriptsize\,$\pm$\,0.036} & \underline{29.4}{\scriptsize\,$\pm$\,17.8} \\
8192 & \ldots{} & \ldots{} \\
\midrule
\emph{chance} & 0.016 & -- \\
\bottomrule
\end{tabular}

\medskip

\emph{published (paper, Table 3)}\\[2pt]
\begin{tabular}{rr}
\toprule
elements & FaceSim-Cur $\uparrow$ \\
\midrule
1024 & 0.448 \\
2048 & -- \\
\bottomrule
\end{tabular}

\smallskip
\begin{minipage}{\linewidth}\footnotesize
$\pm$ half of the 95 \% interval over 4 people and 2 seeds; over seeds alone for Dead entries (\%).
* p $<$ 0.05, ** p $<$ 0.01, *** p $<$ 0.001: differs from the best of its column (paired permutation over people and, with several seeds, a test across seeds; Holm over the table's 2 comparisons).
Smallest difference that a single comparison finds with 80 \% power: Dead entries (\%) 5.6.
\ldots{} not measured yet, or fewer than the 2 seeds planned.
\end{minipage}
\end{table}
"
        );
    }

    #[test]
    fn wide_tables_are_set_in_parts_that_fit() {
        assert_eq!(lines("Face rate ↑"), ["Face rate ↑"]);
        let long = "FaceSim-Arc at |yaw| ≥ 45° (in-world) ↑";
        assert_eq!(lines(long), ["FaceSim-Arc at", "|yaw| ≥ 45°", "(in-world) ↑"]);
        let spec = crate::sample::table();
        let results = crate::sample::results(18);
        let table = Table::new(&spec, &results, &Frame::new(&results)).unwrap();
        for block in &table.blocks {
            let parts = parts(block);
            assert_eq!(parts.concat(), (0..block.columns.len()).collect::<Vec<_>>());
            let fits = |part: &Vec<usize>| {
                let widths: usize = part.iter().map(|place| APART + width(block, *place)).sum();
                part.len() == 1 || widths <= LINE
            };
            assert!(parts.iter().all(fits), "{parts:?}");
        }
    }
}
