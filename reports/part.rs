//! One item of a report, computed and ready to be placed in any of its files.

use std::path::PathBuf;

use crate::ReportError;
use crate::chart::{Figure, Width, map_scene, png, svg};
use crate::rows::Results;
use crate::sheet::{ChartSpec, Drawing, Item};
use crate::stats::Frame;
use crate::table::{Table, latex, long, markdown, title};

/// A computed item.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// A paragraph.
    Text(String),
    /// A picture that a stage made.
    Picture { title: String, path: PathBuf, caption: String },
}

/// A chart in all its forms.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// File stem.
    pub(crate) id: String,
    /// Heading.
    pub(crate) title: String,
    /// What the script says about it.
    pub(crate) caption: String,
    /// For a page or a paper.
    pub(crate) wide: String,
    /// For a phone.
    pub(crate) narrow: String,
    /// For everything that takes no SVG.
    pub(crate) png: Vec<u8>,
}

impl Part {
    /// Computes an item.
    pub(crate) fn new(item: &Item, results: &Results, frame: &Frame) -> Result<Self, ReportError> {
        Ok(match item {
            Item::Table(spec) => Self::Table(Table::new(spec, results, frame)?),
            Item::Chart(spec) => Self::Chart(Chart::new(spec, results, frame)?),
            Item::Text(text) => Self::Text(text.clone()),
            Item::Picture { title, path, caption } => {
                Self::Picture { title: title.clone(), path: path.clone(), caption: caption.clone() }
            }
        })
    }

    /// Its own files: name and bytes.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        match self {
            Self::Table(table) => vec![
                (format!("{}.md", table.id), markdown(table, 1).into_bytes()),
                (format!("{}.tex", table.id), latex(table).into_bytes()),
                (format!("{}.csv", table.id), long(table).into_bytes()),
            ],
            Self::Chart(chart) => vec![
                (format!("{}.svg", chart.id), chart.wide.clone().into_bytes()),
                (format!("{}.png", chart.id), chart.png.clone()),
            ],
            Self::Text(_) | Self::Picture { .. } => Vec::new(),
        }
    }
}

impl Chart {
    fn new(spec: &ChartSpec, results: &Results, frame: &Frame) -> Result<Self, ReportError> {
        let title = title(&spec.id, &spec.title);
        let (wide, narrow) = if let Drawing::Maps(maps) = &spec.drawing {
            (map_scene(maps, Width::Wide), map_scene(maps, Width::Narrow))
        } else {
            let figure = Figure::new(spec, results, frame)?;
            (figure.scene(Width::Wide), figure.scene(Width::Narrow))
        };
        Ok(Self {
            wide: svg(&spec.id, &title, &wide)?,
            narrow: svg(&spec.id, &title, &narrow)?,
            png: png(&spec.id, &wide)?,
            id: spec.id.clone(),
            title,
            caption: spec.caption.clone(),
        })
    }
}
