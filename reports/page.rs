//! One experiment's report folder: numbers, tables, charts and the page that shows them.

use std::path::{Path, PathBuf};

use crate::part::Part;
use crate::rows::Results;
use crate::sheet::{Claim, Item};
use crate::{ReportError, export, file, html, index, summary};

/// What a report is made from.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// Everything measured so far.
    pub results: &'a Results,
    /// Tables, charts, notes and pictures in the script's order.
    pub items: &'a [Item],
    /// Claims with their verdicts.
    pub claims: &'a [Claim],
    /// The script's `//!` head.
    pub doc: &'a str,
    /// `12 of 18 trials measured, about 4 min left`, or `complete`.
    pub status: String,
    /// How to repeat it, commit, machine, versions, keys: name and value.
    pub facts: Vec<(String, String)>,
    /// Pictures of the data or of samples, shown before the provenance.
    pub pictures: Vec<Picture>,
}

/// A picture of a page.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Heading.
    pub title: String,
    /// Where the PNG is.
    pub source: PictureSource,
    /// Caption.
    pub caption: String,
}

/// Where a picture comes from.
#[derive(Clone, Debug)]
pub enum PictureSource {
    /// A PNG or GIF file; relative to the report folder unless absolute.
    File(PathBuf),
    /// A PNG itself.
    Png(Vec<u8>),
}

/// What [`write()`] left in the report folder.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The page to open, `report.html`.
    pub page: PathBuf,
    /// All files of the report, in the order written.
    pub files: Vec<PathBuf>,
    /// How many of them changed.
    pub changed: usize,
}

/// Writes the whole report of an experiment into `dir`: `results.csv`, `curves.csv`, each table as
/// `.md`, `.tex` and `.csv`, each chart as `.svg` and `.png`, `card.json` for the index over all
/// reports, `report.md` and the self-contained `report.html`; where there are costs `costs.csv`. Every
/// file is replaced whole; one that would not change is left alone.
pub fn write(page: &Page, dir: &Path) -> Result<Written, ReportError> {
    let parts = Part::all(page)?;
    let mut files = numbers(page.results);
    files.extend(parts.iter().flat_map(Part::files));
    files.extend(index::card(page, &parts, dir)?);
    files.push(("report.md".to_owned(), summary::markdown_page(page, &parts).into_bytes()));
    files.push(("report.html".to_owned(), html::page(page, &parts, dir)?.into_bytes()));
    let mut written = Written { page: dir.join("report.html"), ..Written::default() };
    for (name, bytes) in files {
        let path = dir.join(name);
        written.changed += usize::from(file::replace(&path, &bytes)?);
        written.files.push(path);
    }
    Ok(written)
}

/// Every number as CSV: file names and bytes.
pub(crate) fn numbers(results: &Results) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("results.csv".to_owned(), export::results(results).into_bytes()),
        ("curves.csv".to_owned(), export::curves(results).into_bytes()),
    ];
    if !results.costs.is_empty() {
        files.push(("costs.csv".to_owned(), export::costs(results).into_bytes()));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::sheet::{ChartSpec, Drawing};

    fn page<'a>(results: &'a Results, items: &'a [Item], claims: &'a [Claim]) -> Page<'a> {
        Page {
            results,
            items,
            claims,
            doc: "How large?\n\nA <b>test</b>.",
            status: "complete".into(),
            facts: vec![("command".into(), "ffrun few.rhai".into())],
            pictures: vec![Picture {
                title: "Contact sheet".into(),
                source: PictureSource::File("sheet.png".into()),
                caption: String::new(),
            }],
        }
    }

    #[test]
    fn a_report_is_complete_and_written_once() {
        let (results, items, claims) = (sample::results(18), sample::items(), sample::claims());
        let folder = tempfile::tempdir().unwrap();
        let first = write(&page(&results, &items, &claims), folder.path()).unwrap();
        let names: Vec<_> = first.files.iter().filter_map(|path| path.file_name()).collect();
        let expected = [
            "results.csv",
            "curves.csv",
            "table3.md",
            "table3.tex",
            "table3.csv",
            "figure8.svg",
            "figure8.png",
            "all_metrics.svg",
            "all_metrics.png",
            "figure10.svg",
            "figure10.png",
            "card.json",
            "report.md",
            "report.html",
        ];
        assert_eq!(names, expected);
        assert_eq!(first.changed, names.len());
        let second = write(&page(&results, &items, &claims), folder.path()).unwrap();
        assert_eq!(second.changed, 0);
    }

    #[test]
    fn the_page_needs_nothing_else_and_runs_nothing() {
        let (results, items, claims) = (sample::results(9), sample::items(), sample::claims());
        let folder = tempfile::tempdir().unwrap();
        let written = write(&page(&results, &items, &claims), folder.path()).unwrap();
        let html = std::fs::read_to_string(written.page).unwrap();
        assert!(
            !html.contains("<script") && !html.contains("<link") && !html.contains("src=\"http")
        );
        assert!(html.contains("A &lt;b&gt;test&lt;"));
        assert!(html.contains("<b>measured</b><span>scale tiny, in-world heads</span>"));
        assert!(html.contains("<b>published</b><span>paper, Table 3</span>"));
        assert!(html.contains("class=\"badge contradicted\">contradicted<"));
        assert!(html.contains("Not made yet: <code>sheet.png</code>"));
        // Charts follow light and dark: no colour is written out inside them.
        assert!(!html.contains("fill=\"#") && !html.contains("stroke=\"#"));
    }

    #[test]
    fn the_same_numbers_are_the_same_bytes_on_any_number_of_threads() {
        let (results, items) = (sample::results(18), sample::items());
        let run = |threads| {
            let folder = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let written =
                pool.install(|| write(&page(&results, &items, &[]), folder.path())).unwrap();
            written.files.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
        };
        assert!(run(1) == run(3));
    }

    #[test]
    fn nothing_measured_is_still_a_page() {
        let (results, items) = (sample::results(0), sample::items());
        let folder = tempfile::tempdir().unwrap();
        let written = write(&page(&results, &items, &[]), folder.path()).unwrap();
        assert!(std::fs::read_to_string(written.page).unwrap().contains("…"));
    }

    #[test]
    fn unknown_names_are_errors_that_list_the_known() {
        let results = sample::few();
        let items = [Item::Chart(ChartSpec {
            id: "figure8".into(),
            title: String::new(),
            drawing: Drawing::Lines {
                x: "elemnts".into(),
                axis: crate::sheet::Axis::Log2,
                metrics: Vec::new(),
                by: String::new(),
            },
            beside: None,
            beside_columns: Vec::new(),
            caption: String::new(),
        })];
        let folder = tempfile::tempdir().unwrap();
        let error = write(&page(&results, &items, &[]), folder.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`figure8` names the setting `elemnts`, which is not varied; varied: `elements`"
        );
    }
}
