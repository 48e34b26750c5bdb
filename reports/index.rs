//! `index.html`: the experiments of a folder of reports on one page.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::page::{Page, PictureSource};
use crate::part::Part;
use crate::rows::Provenance;
use crate::sheet::{Claim, Drawing, Item, Verdict};
use crate::summary::{question, verdict};
use crate::{ReportError, file, html};

/// What a report leaves for the index, in its own folder.
const CARD: &str = "card.json";
/// Raised when cards of older versions can no longer be read.
const FORMAT: u32 = 1;

/// What the index shows of an experiment. Its numbers and charts are those of the report, drawn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Card {
    format: u32,
    title: String,
    experiment: String,
    scale: String,
    origin: String,
    status: String,
    finished: usize,
    planned: usize,
    claims: Vec<Claim>,
    /// HTML of the measured half of the first table.
    table: String,
    picture: Option<Cover>,
}

/// The one picture of a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Cover {
    /// A chart for a desk and for a phone, as SVG that follows the page's colours.
    Chart { title: String, wide: String, narrow: String },
    /// A file in the report's folder.
    File { title: String, name: String },
}

/// A file to write.
type NamedBytes = (String, Vec<u8>);

/// What a card is called and the bytes of the files it consists of.
pub(crate) fn card(
    page: &Page,
    parts: &[Part],
    dir: &Path,
) -> Result<Vec<NamedBytes>, ReportError> {
    let results = page.results;
    let (picture, file) = cover(page, parts, dir)?;
    let card = Card {
        format: FORMAT,
        title: question(page).to_owned(),
        experiment: results.experiment.clone(),
        scale: results.scale.clone(),
        origin: results.origin.clone(),
        status: page.status.clone(),
        finished: results.finished,
        planned: results.planned,
        claims: page.claims.to_vec(),
        table: table(parts)?,
        picture,
    };
    // Strings and whole numbers always serialize.
    let text = serde_json::to_vec(&card).unwrap_or_default();
    Ok(file.into_iter().chain([(CARD.to_owned(), text)]).collect())
}

fn table(parts: &[Part]) -> Result<String, ReportError> {
    let mut blocks = parts.iter().filter_map(|part| match part {
        Part::Table(table) => table.blocks.iter().zip(table.headings()).next(),
        _ => None,
    });
    match blocks.find(|(block, _)| block.provenance == Provenance::Measured) {
        Some((block, heading)) => html::grid(block, &heading),
        None => Ok(String::new()),
    }
}

/// The first chart that answers the question, else the first picture, else a training curve. A
/// picture from elsewhere is copied beside the report.
fn cover(
    page: &Page,
    parts: &[Part],
    dir: &Path,
) -> Result<(Option<Cover>, Option<NamedBytes>), ReportError> {
    let charts = || page.items.iter().zip(parts);
    let drawn = |(item, part): (&Item, &Part)| match (own(item), part) {
        (Item::Chart(spec), Part::Chart(chart)) => {
            Some((matches!(spec.drawing, Drawing::Curve { .. }), html::chart(chart)))
        }
        _ => None,
    };
    let cover = |(title, wide, narrow)| Some(Cover::Chart { title, wide, narrow });
    if let Some((_, chart)) = charts().filter_map(drawn).find(|(curve, _)| !curve) {
        return Ok((cover(chart), None));
    }
    for picture in &page.pictures {
        let bytes = match &picture.source {
            PictureSource::Png(bytes) => bytes.clone(),
            PictureSource::File(path) => match fs::read(dir.join(path)) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(ReportError::Picture { path: path.clone(), source }),
            },
        };
        let name = if bytes.starts_with(b"GIF8") { "cover.gif" } else { "cover.png" }.to_owned();
        let title = picture.title.clone();
        return Ok((Some(Cover::File { title, name: name.clone() }), Some((name, bytes))));
    }
    Ok((charts().find_map(drawn).and_then(|(_, chart)| cover(chart)), None))
}

/// The item itself where it comes with rows of its own.
fn own(item: &Item) -> &Item {
    match item {
        Item::Own(_, item) => item,
        item => item,
    }
}

/// A card as the template sees it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    card: &'a Card,
    /// Folder of the report, relative to the index.
    folder: String,
    counts: Vec<Count>,
    judged: Vec<Judged<'a>>,
    share: usize,
    running: bool,
}

#[derive(Serialize)]
struct Judged<'a> {
    text: &'a str,
    verdict: &'static str,
}

#[derive(Serialize)]
struct Count {
    verdict: &'static str,
    count: usize,
}

/// The page as the template sees it.
#[derive(Serialize)]
pub(crate) struct Whole<'a> {
    cards: Vec<Shown<'a>>,
    counts: Vec<Count>,
    light: String,
    dark: String,
}

/// Where the index of a folder of reports is.
pub fn index_page(runs: &Path) -> PathBuf {
    runs.join("index.html")
}

/// Writes `index.html` into a folder of reports: every experiment in it with its question, verdicts,
/// one picture, one table and the way to its report. Smoke tests come last. A report of an older
/// version, without a card, is left out until it is written again.
///
/// # Errors
/// A folder that cannot be listed and a page that cannot be written.
pub fn index(runs: &Path) -> Result<PathBuf, ReportError> {
    let mut cards = cards(runs)?;
    cards.sort_by(|a, b| {
        let order = |(folder, card): &(String, Card)| (card.scale == "smoke", folder.clone());
        order(a).cmp(&order(b))
    });
    let all: Vec<&Claim> = cards.iter().flat_map(|(_, card)| &card.claims).collect();
    let whole = Whole {
        counts: counts(&all.into_iter()),
        cards: cards.iter().map(|(folder, card)| shown(folder, card)).collect(),
        light: crate::chart::variables(false),
        dark: crate::chart::variables(true),
    };
    let path = index_page(runs);
    file::replace(&path, html::render("index.html", &whole)?.as_bytes())?;
    Ok(path)
}

fn cards(runs: &Path) -> Result<Vec<(String, Card)>, ReportError> {
    let failed = |source| ReportError::List { path: runs.to_owned(), source };
    let mut found = Vec::new();
    for item in fs::read_dir(runs).map_err(failed)? {
        let item = item.map_err(failed)?;
        let Ok(bytes) = fs::read(item.path().join(CARD)) else { continue };
        match serde_json::from_slice::<Card>(&bytes) {
            Ok(card) if card.format == FORMAT => {
                found.push((item.file_name().to_string_lossy().into_owned(), card));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn shown<'a>(folder: &str, card: &'a Card) -> Shown<'a> {
    Shown {
        card,
        folder: folder.to_owned(),
        counts: counts(&card.claims.iter()),
        judged: card
            .claims
            .iter()
            .map(|claim| Judged { text: &claim.text, verdict: verdict(claim.verdict) })
            .collect(),
        share: (card.finished * 100).checked_div(card.planned).unwrap_or(100),
        running: card.finished < card.planned,
    }
}

fn counts<'a>(claims: &(impl Iterator<Item = &'a Claim> + Clone)) -> Vec<Count> {
    let kinds = [Verdict::Reproduced, Verdict::Contradicted, Verdict::Inconclusive];
    let count = |kind| claims.clone().filter(|claim| claim.verdict == kind).count();
    let counted = kinds.map(|kind| Count { verdict: verdict(kind), count: count(kind) });
    counted.into_iter().filter(|one| one.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Picture;
    use crate::sample;

    /// Writes a report into `runs/<folder>`.
    fn report(runs: &Path, folder: &str, scale: &str, items: &[Item]) {
        let (mut results, claims) = (sample::results(9), sample::claims());
        scale.clone_into(&mut results.scale);
        let picture = PictureSource::Png(b"\x89PNG".to_vec());
        let page = Page {
            results: &results,
            items,
            claims: &claims,
            doc: "",
            status: "9 of 18 trials measured".into(),
            facts: Vec::new(),
            pictures: vec![Picture {
                title: "Who?".into(),
                source: picture,
                caption: String::new(),
            }],
        };
        crate::write(&page, &runs.join(folder)).unwrap();
    }

    #[test]
    fn every_report_has_its_place_and_smoke_tests_the_last() {
        let runs = tempfile::tempdir().unwrap();
        report(runs.path(), "a-smoke", "smoke", &sample::items());
        report(runs.path(), "b", "tiny", &sample::items());
        fs::create_dir(runs.path().join("broken")).unwrap();
        fs::write(runs.path().join("broken/card.json"), "{").unwrap();
        let html = fs::read_to_string(index(runs.path()).unwrap()).unwrap();
        let place = |folder: &str| html.find(&format!("href=\"{folder}/report.html\"")).unwrap();
        assert!(place("b") < place("a-smoke"));
        assert!(!html.contains("broken"));
        assert!(html.contains("9 of 18 trials measured"));
        assert!(html.contains("class=\"badge contradicted\">"));
        assert!(html.contains("<b>measured</b>") && !html.contains("<b>published</b>"));
        assert!(
            html.contains("<svg") && !html.contains("fill=\"#"),
            "a chart in the page's colours"
        );
        assert!(!html.contains("<script") && !html.contains("src=\"http"));
    }

    #[test]
    fn without_a_chart_the_first_picture_stands_for_it() {
        let runs = tempfile::tempdir().unwrap();
        report(runs.path(), "b", "tiny", &[]);
        let html = fs::read_to_string(index(runs.path()).unwrap()).unwrap();
        assert!(html.contains("src=\"b/cover.png\""), "{html}");
        assert!(runs.path().join("b/cover.png").is_file());
    }
}
