//! A record to keep: an experiment's numbers, tables, charts and pictures behind a README.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ReportError;
use crate::file;
use crate::page::{Page, Picture, PictureSource};
use crate::part::Part;
use crate::rows::Metric;
use crate::sheet::{Drawing, Item, Verdict};
use crate::summary::{self, question, verdict};
use crate::table::escape;

/// Writes a record into `dir`: `README.md`, `results.csv`, `curves.csv` where a chart draws curves,
/// each
/// table as `.md`, `.tex` and `.csv`, each chart as `.svg` and `.png`, and the pictures themselves.
/// Unlike a report it needs no other folder and holds no page: a repository shows its README.
/// Paths of pictures that are not absolute start at `report`, the report's folder.
///
/// # Errors
/// A picture that cannot be read or is not made yet, an item that names what is not there, and files
/// that cannot be written.
pub fn record(page: &Page, report: &Path, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let parts = Part::all(page)?;
    let pictures = pictures(page, &parts, report)?;
    let mut files = vec![("README.md".to_owned(), readme(page, &parts, &pictures).into_bytes())];
    files.extend(crate::page::numbers(page.results));
    if !draws_curves(page) {
        files.retain(|(name, _)| name != "curves.csv");
    }
    files.extend(parts.iter().flat_map(Part::files));
    files.extend(pictures.into_iter().map(|picture| (picture.name, picture.bytes)));
    let write = |(name, bytes): (String, Vec<u8>)| {
        let path = dir.join(name);
        file::replace(&path, &bytes).map(|_| path)
    };
    files.into_iter().map(write).collect()
}

/// Curves that no chart shows would be megabytes that nobody looks at.
fn draws_curves(page: &Page) -> bool {
    let curve = |item: &Item| match item {
        Item::Chart(chart) => matches!(chart.drawing, Drawing::Curve { .. }),
        _ => false,
    };
    !page.results.curves.is_empty() && page.items.iter().any(curve)
}

/// A picture that goes along.
struct Kept {
    title: String,
    caption: String,
    /// File name in the record.
    name: String,
    bytes: Vec<u8>,
}

/// The pictures of the script's items, then those of the page.
fn pictures(page: &Page, parts: &[Part], report: &Path) -> Result<Vec<Kept>, ReportError> {
    let items = parts.iter().filter_map(|part| match part {
        Part::Picture { title, path, caption } => Some(Picture {
            title: title.clone(),
            source: PictureSource::File(path.clone()),
            caption: caption.clone(),
        }),
        _ => None,
    });
    let mut kept: Vec<Kept> = Vec::new();
    for picture in items.chain(page.pictures.iter().cloned()) {
        let bytes = match picture.source {
            PictureSource::Png(bytes) => bytes,
            PictureSource::File(path) => {
                let path = report.join(path);
                fs::read(&path).map_err(|source| ReportError::Picture { path, source })?
            }
        };
        let name = name(&picture.title, &bytes, &kept);
        kept.push(Kept { title: picture.title, caption: picture.caption, name, bytes });
    }
    Ok(kept)
}

/// A title as the name of a file that no earlier picture has.
fn name(title: &str, bytes: &[u8], taken: &[Kept]) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { ' ' };
    let words: String = title.to_ascii_lowercase().chars().map(plain).collect();
    let stem = words.split_whitespace().collect::<Vec<_>>().join("-");
    let ending = if bytes.starts_with(b"GIF8") { "gif" } else { "png" };
    let numbered = |count: usize| match count {
        1 => format!("{stem}.{ending}"),
        count => format!("{stem}-{count}.{ending}"),
    };
    let free = |name: &String| taken.iter().all(|other| other.name != *name);
    // One more name than are taken: one of them is free.
    (1..=taken.len() + 1).map(numbered).find(free).unwrap_or_else(|| stem.clone())
}

fn readme(page: &Page, parts: &[Part], pictures: &[Kept]) -> String {
    let mut text = format!("# {}\n\n{}\n\n", escape(question(page)), standing(page));
    if !page.doc.is_empty() {
        let _ = write!(text, "{}\n\n", escape(page.doc.trim()));
    }
    text += &summary::claims(page);
    for part in parts {
        // The pictures of the script come with all others, from the record's own folder.
        if !matches!(part, Part::Picture { .. }) {
            text += &summary::item(part);
        }
    }
    for picture in pictures {
        text += &summary::figure(&picture.title, &picture.name, &picture.caption);
    }
    text += &metrics(&page.results.metrics);
    text + &repeat(page, parts)
}

/// Where the numbers come from, and the verdicts counted.
fn standing(page: &Page) -> String {
    let results = page.results;
    let mut text = if results.origin.is_empty() {
        let trials = if results.finished == results.planned {
            format!("{} trials, all measured", results.planned)
        } else {
            format!("{} of {} trials measured", results.finished, results.planned)
        };
        format!("`{}` at scale `{}`: {trials}.", results.experiment, results.scale)
    } else {
        format!("`{}`: {}.", results.experiment, escape(&results.origin))
    };
    let counts = [Verdict::Reproduced, Verdict::Contradicted, Verdict::Inconclusive]
        .map(|kind| (page.claims.iter().filter(|claim| claim.verdict == kind).count(), kind));
    let named: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{count} {}", verdict(*kind)))
        .collect();
    if !named.is_empty() {
        let _ = write!(text, " Claims: {}.", named.join(", "));
    }
    text
}

fn metrics(metrics: &[Metric]) -> String {
    if metrics.is_empty() {
        return String::new();
    }
    let mut text = String::from("## What the metrics are\n\n");
    for metric in metrics {
        let _ = write!(text, "- **{}**: {}", escape(&metric.label), escape(&metric.definition));
        let _ = match metric.source.as_str() {
            "" => writeln!(text),
            source => writeln!(text, " (version {}: {})", metric.version, escape(source)),
        };
    }
    text + "\n"
}

fn repeat(page: &Page, parts: &[Part]) -> String {
    let mut text = summary::facts(page);
    text += "\nEvery number is in [results.csv](results.csv)";
    if draws_curves(page) {
        text += ", every point of a training curve in [curves.csv](curves.csv)";
    }
    text += ", what it took to make them in [manifest.toml](manifest.toml).";
    let tables = parts.iter().filter_map(|part| match part {
        Part::Table(table) => Some(format!("[{0}.tex]({0}.tex)", table.id)),
        _ => None,
    });
    let tables: Vec<String> = tables.collect();
    if !tables.is_empty() {
        let _ = write!(text, " For LaTeX, with `booktabs`: {}.", tables.join(", "));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn written(pictures: Vec<Picture>) -> (tempfile::TempDir, Result<Vec<PathBuf>, ReportError>) {
        let (results, items, claims) = (sample::results(18), sample::items(), sample::claims());
        let page = Page {
            results: &results,
            items: &items,
            claims: &claims,
            doc: "How large?",
            status: "complete".into(),
            facts: vec![("Repeat with".into(), "ffrun few.rhai".into())],
            pictures,
        };
        let folder = tempfile::tempdir().unwrap();
        let files = record(&page, Path::new(""), folder.path());
        (folder, files)
    }

    fn png(title: &str) -> Picture {
        let source = PictureSource::Png(b"\x89PNG".to_vec());
        Picture { title: title.into(), source, caption: "People.".into() }
    }

    #[test]
    fn everything_the_readme_names_lies_beside_it() {
        let (folder, files) = written(vec![png("Who? A=1"), png("Who? A=1")]);
        let files = files.unwrap();
        let readme = fs::read_to_string(folder.path().join("README.md")).unwrap();
        let mut linked = 0;
        for target in readme.split("](").skip(1) {
            let target = target.trim_start_matches('<').split([')', '>']).next().unwrap();
            let there = folder.path().join(target).is_file() || target == "manifest.toml";
            assert!(there, "`{target}` is linked and not there:\n{readme}");
            linked += 1;
        }
        assert!(linked > 6, "{readme}");
        assert!(files.iter().any(|path| path.ends_with("who-a-1-2.png")), "{files:?}");
        assert!(!files.iter().any(|path| path.ends_with("report.html")), "{files:?}");
    }

    #[test]
    fn verdicts_are_counted_and_metrics_defined() {
        let (folder, files) = written(Vec::new());
        files.unwrap();
        let readme = fs::read_to_string(folder.path().join("README.md")).unwrap();
        assert!(readme.contains("18 trials, all measured. Claims: "), "{readme}");
        assert!(readme.contains(" contradicted"), "{readme}");
        assert!(readme.contains("## What the metrics are\n\n- **"), "{readme}");
        let published = readme.find("**published (").expect("the paper's block");
        assert!(readme.find("**measured (").expect("our block") < published);
    }

    #[test]
    fn a_picture_that_is_not_there_is_an_error() {
        let source = PictureSource::File("nowhere/sheet.png".into());
        let (_folder, files) =
            written(vec![Picture { title: "Sheet".into(), source, caption: String::new() }]);
        let error = files.unwrap_err().to_string();
        assert!(error.starts_with("cannot read picture `nowhere/sheet.png`"), "{error}");
    }
}
