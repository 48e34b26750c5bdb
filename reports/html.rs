//! `report.html`: one self-contained page without scripts, for desk and phone, light and dark.

use std::fs;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, HtmlEscape};
use serde::Serialize;

use crate::ReportError;
use crate::chart::{themed, variables};
use crate::code::marked;
use crate::page::{Page, Picture, PictureSource};
use crate::part::{Chart, Part};
use crate::rows::Metric;
use crate::sheet::Claim;
use crate::summary::{question, verdict};
use crate::table::{Block, Table};

/// Every template: name and text.
const TEMPLATES: [(&str, &str); 4] = [
    ("page.html", include_str!("page.html")),
    ("index.html", include_str!("index.html")),
    ("grid.html", include_str!("grid.html")),
    ("style.css", include_str!("style.css")),
];

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
    render("page.html", &whole)
}

/// Renders a template.
pub(crate) fn render(name: &'static str, whole: &impl Serialize) -> Result<String, ReportError> {
    let rendered = || {
        let environment = environment()?;
        environment.get_template(name)?.render(Serde(whole))
    };
    rendered().map_err(|source| ReportError::Template { template: name, source })
}

/// One half of a table, as the page shows it.
pub(crate) fn grid(block: &Block, heading: &str) -> Result<String, ReportError> {
    let text = "{% from \"grid.html\" import grid %}{{ grid(block, heading) }}";
    let rendered = || {
        let half = Half { block, heading };
        environment()?.render_named_str("half.html", text, Serde(half))
    };
    rendered().map_err(|source| ReportError::Template { template: "grid.html", source })
}

#[derive(Serialize)]
struct Half<'a> {
    block: &'a Block,
    heading: &'a str,
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.add_filter("words", words);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// Text of a script: what stands between backticks is code.
fn words(text: &str) -> Value {
    let plain = |part: &str| HtmlEscape(part).to_string();
    Value::from_safe_string(marked(text, plain, |part| format!("<code>{}</code>", plain(part))))
}

/// A chart in the page's colours: title, for a desk, for a phone.
pub(crate) fn chart(chart: &Chart) -> (String, String, String) {
    (chart.title.clone(), themed(&chart.wide), themed(&chart.narrow))
}

fn judged(claim: &Claim) -> Judged<'_> {
    Judged { text: &claim.text, verdict: verdict(claim.verdict), evidence: &claim.evidence }
}

fn view<'a>(part: &'a Part, dir: &Path) -> Result<View<'a>, ReportError> {
    Ok(match part {
        Part::Table(table) => View::Table { table, headings: table.headings() },
        Part::Chart(drawn) => {
            let (_, wide, narrow) = chart(drawn);
            View::Chart {
                id: &drawn.id,
                title: &drawn.title,
                caption: &drawn.caption,
                wide,
                narrow,
            }
        }
        Part::Text(text) => View::Text { text },
        Part::Picture { title, path, caption } => inlined(title, caption, path, dir)?,
        Part::Drawn { id, title, png, caption } => View::Picture {
            title,
            caption,
            data: png.as_deref().map(data_uri),
            missing: format!("{id}.png"),
        },
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
    fn backticks_mark_code_and_nothing_else_is_taken_for_markup() {
        let shown = |text: &str| words(text).to_string();
        assert_eq!(shown("`modules` < `<b>`"), "<code>modules</code> &lt; <code>&lt;b&gt;</code>");
        assert_eq!(shown("one ` alone"), "one ` alone");
    }

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
