//! `report.md`: the report as Markdown, for a terminal, a diff or a repository.

use std::fmt::Write as _;

use crate::page::Page;
use crate::part::Part;
use crate::rows::Results;
use crate::sheet::Verdict;
use crate::table::{escape, markdown};

/// The whole page as Markdown; charts and pictures are linked, tables are inline.
pub(crate) fn markdown_page(page: &Page, parts: &[Part]) -> String {
    let results = page.results;
    let mut text = format!("# {}\n\n", escape(question(page)));
    let status = escape(page.status.trim_end_matches('.'));
    let _ = if results.origin.is_empty() {
        trials(&mut text, results, &status)
    } else {
        write!(text, "`{}`: {}. {status}.\n\n", results.experiment, escape(&results.origin))
    };
    if !page.doc.is_empty() {
        let _ = write!(text, "{}\n\n", escape(page.doc.trim()));
    }
    text += &claims(page);
    for part in parts {
        text += &item(part);
    }
    text + &facts(page)
}

/// The claims under a heading, each with its evidence; nothing where there are none.
pub(crate) fn claims(page: &Page) -> String {
    if page.claims.is_empty() {
        return String::new();
    }
    let mut text = String::from("## Claims\n\n");
    for claim in page.claims {
        let (verdict, evidence) = (verdict(claim.verdict), escape(&claim.evidence));
        let _ = write!(text, "- **{verdict}**: {}", escape(&claim.text));
        let _ =
            if evidence.is_empty() { writeln!(text) } else { writeln!(text, "  \n  {evidence}") };
    }
    text + "\n"
}

/// How to repeat it, under a heading; nothing where nothing is known.
pub(crate) fn facts(page: &Page) -> String {
    if page.facts.is_empty() {
        return String::new();
    }
    let mut text = String::from("## How to repeat\n\n");
    for (name, value) in &page.facts {
        let _ = writeln!(text, "- {}: `{value}`", escape(name));
    }
    text
}

fn trials(text: &mut String, results: &Results, status: &str) -> std::fmt::Result {
    write!(
        text,
        "`{}` at scale `{}`: {} of {} trials measured. {status}.\n\n",
        results.experiment, results.scale, results.finished, results.planned,
    )
}

/// The question, or the experiment's name where it asks none.
pub(crate) fn question<'a>(page: &'a Page) -> &'a str {
    if page.results.asks.is_empty() { &page.results.experiment } else { &page.results.asks }
}

/// The word of a verdict.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "reproduced",
        Verdict::Contradicted => "contradicted",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// A part under a heading of its own.
pub(crate) fn item(part: &Part) -> String {
    match part {
        Part::Table(table) => markdown(table, 2) + "\n",
        Part::Chart(chart) => figure(&chart.title, &format!("{}.svg", chart.id), &chart.caption),
        Part::Text(text) => format!("{}\n\n", escape(text)),
        Part::Picture { title, path, caption } => {
            figure(title, &path.display().to_string(), caption)
        }
        Part::Drawn { id, title, caption, .. } => figure(title, &format!("{id}.png"), caption),
    }
}

/// A picture under a heading, its path relative to the page.
pub(crate) fn figure(title: &str, path: &str, caption: &str) -> String {
    let mut text = format!("## {}\n\n![{}](<{path}>)\n\n", escape(title), escape(title));
    if !caption.is_empty() {
        let _ = write!(text, "{}\n\n", escape(caption));
    }
    text
}
