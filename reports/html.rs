//! `report.html`: one self-contained page without scripts, for desk and phone, light and dark.

use std::fs;
use std::path::Path;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use crate::ReportError;
use crate::chart::{themed, variables};
use crate::page::{Page, Picture, PictureSource};
use crate::part::Part;
use crate::rows::Metric;
use crate::sheet::Claim;
use crate::summary::{question, verdict};
use crate::table::Table;

const NAME: &str = "page.html";
const TEMPLATE: &str = include_str!("page.html");

/// The page as the template sees it.
#[derive(Serialize)]
struct Whole<'a> {
    title: &'a str,
    experiment: &'a str,
    scale: &'a str,
    origin: &'a str,
    /// Whole per cent of the trials that are measured.
    share: usize,
    running: bool,
    status: &'a str,
    paragraphs: Vec<&'a str>,
    claims: Vec<Judged<'a>>,
    items: Vec<View<'a>>,
    pictures: Vec<View<'a>>,
    metrics: &'a [Metric],
    facts: &'a [(String, String)],
    /// Declarations of the charts' colours.
    light: String,
    dark: String,
}

/// A claim as the template sees it.
#[derive(Serialize)]
struct Judged<'a> {
    text: &'a str,
    verdict: &'static str,
    evidence: &'a str,
}

/// An item as the template sees it.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum View<'a> {
    Table { table: &'a Table, headings: Vec<String> },
    Chart { id: &'a str, title: &'a str, caption: &'a str, wide: String, narrow: String },
    Text { text: &'a str },
    Picture { title: &'a str, caption: &'a str, data: Option<String>, missing: String },
}

/// Renders the page. Pictures are read from `dir` and inlined; one that a stage has not made yet
/// is named instead.
pub(crate) fn page(page: &Page, parts: &[Part], dir: &Path) -> Result<String, ReportError> {
    let results = page.results;
    let whole = Whole {
        title: question(page),
        experiment: &results.experiment,
        scale: &results.scale,
        origin: &results.origin,
        share: (results.finished * 100).checked_div(results.planned).unwrap_or(100),
        running: results.finished < results.planned,
        status: &page.status,
        paragraphs: page.doc.trim().split("\n\n").filter(|text| !text.is_empty()).collect(),
        claims: page.claims.iter().map(judged).collect(),
        items: parts.iter().map(|part| view(part, dir)).collect::<Result<_, _>>()?,
        pictures: page.pictures.iter().map(|one| picture(one, dir)).collect::<Result<_, _>>()?,
        metrics: &results.metrics,
        facts: &page.facts,
        light: variables(false),
        dark: variables(true),
    };
    render(&whole).map_err(|source| ReportError::Template { template: NAME, source })
}

fn render(whole: &Whole) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.add_template(NAME, TEMPLATE)?;
    environment.get_template(NAME)?.render(Serde(whole))
}

fn judged(claim: &Claim) -> Judged<'_> {
    Judged { text: &claim.text, verdict: verdict(claim.verdict), evidence: &claim.evidence }
}

fn view<'a>(part: &'a Part, dir: &Path) -> Result<View<'a>, ReportError> {
    Ok(match part {
        Part::Table(table) => View::Table { table, headings: table.headings() },
        Part::Chart(chart) => View::Chart {
            id: &chart.id,
            title: &chart.title,
            caption: &chart.caption,
            wide: themed(&chart.wide),
            narrow: themed(&chart.narrow),
        },
        Part::Text(text) => View::Text { text },
        Part::Picture { title, path, caption } => inlined(title, caption, path, dir)?,
    })
}

fn picture<'a>(picture: &'a Picture, dir: &Path) -> Result<View<'a>, ReportError> {
    match &picture.source {
        PictureSource::File(path) => inlined(&picture.title, &picture.caption, path, dir),
        PictureSource::Png(bytes) => Ok(View::Picture {
            title: &picture.title,
            caption: &picture.caption,
            data: Some(data_uri(bytes)),
            missing: String::new(),
        }),
    }
}

fn inlined<'a>(
    title: &'a str,
    caption: &'a str,
    path: &Path,
    dir: &Path,
) -> Result<View<'a>, ReportError> {
    let place = dir.join(path);
    let data = match fs::read(&place) {
        Ok(bytes) => Some(data_uri(&bytes)),
        // A page is rewritten as trials finish; its pictures may come later than its tables.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => return Err(ReportError::Picture { path: place, source }),
    };
    Ok(View::Picture { title, caption, data, missing: path.display().to_string() })
}

/// The picture itself as an address: GIF where its first bytes say so, else PNG.
fn data_uri(bytes: &[u8]) -> String {
    let kind = if bytes.starts_with(b"GIF8") { "gif" } else { "png" };
    format!("data:image/{kind};base64,{}", base64(bytes))
}

/// RFC 4648 base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let word = (at(0) << 16) | (at(1) << 8) | at(2);
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_pictures_are_told_from_still_ones() {
        assert_eq!(super::data_uri(b"GIF89a"), "data:image/gif;base64,R0lGODlh");
        assert!(super::data_uri(b"\x89PNG").starts_with("data:image/png;base64,"));
    }

    #[test]
    fn base64_agrees_with_the_standard() {
        // Test vectors of RFC 4648 §10.
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
