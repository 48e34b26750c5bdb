//! One item of a report, computed and ready to be placed in any of its files.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::ReportError;
use crate::chart::{Figure, Width, map_scene, matrix_scene, png, scatter_scene, svg};
use crate::page::Page;
use crate::rows::Results;
use crate::sheet::{ChartSpec, Drawing, Item};
use crate::stats::Frame;
use crate::table::{Table, latex, long, markdown, origin, title};

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
    /// A picture of the report's own, once a stage has drawn it.
    Drawn { id: String, title: String, png: Option<Vec<u8>>, caption: String },
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
    /// Computes all items of a page, side by side.
    pub(crate) fn all(page: &Page) -> Result<Vec<Self>, ReportError> {
        let frame = Frame::new(page.results);
        page.items.par_iter().map(|item| Self::new(item, page.results, &frame)).collect()
    }

    /// Computes an item.
    fn new(item: &Item, results: &Results, frame: &Frame) -> Result<Self, ReportError> {
        Ok(match item {
            Item::Table(spec) => Self::Table(Table::new(spec, results, frame)?),
            Item::Chart(spec) => Self::Chart(Chart::new(spec, results, frame)?),
            Item::Text(text) => Self::Text(text.clone()),
            Item::Own(own, item) => Self::new(item, own, &Frame::new(own))?,
            Item::Picture { title, path, caption } => {
                Self::Picture { title: title.clone(), path: path.clone(), caption: caption.clone() }
            }
            Item::Drawn { id, title: heading, path, caption } => Self::Drawn {
                id: id.clone(),
                title: title(id, heading),
                png: path.as_deref().map(read).transpose()?,
                caption: caption.clone(),
            },
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
            Self::Drawn { id, png: Some(png), .. } => vec![(format!("{id}.png"), png.clone())],
            Self::Text(_) | Self::Picture { .. } | Self::Drawn { .. } => Vec::new(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ReportError> {
    std::fs::read(path).map_err(|source| ReportError::Picture { path: path.to_owned(), source })
}

impl Chart {
    fn new(spec: &ChartSpec, results: &Results, frame: &Frame) -> Result<Self, ReportError> {
        let title = title(&spec.id, &spec.title);
        let figure = Figure::new(spec, results, frame)?;
        let origin = origin(results);
        let scene = |width: Width| match &spec.drawing {
            Drawing::Maps(maps) => map_scene(maps, width),
            Drawing::Scatters(panels) => scatter_scene(panels, &origin, width),
            Drawing::Matrices(all) => matrix_scene(all, &origin, width),
            _ => figure.scene(width),
        };
        let (wide, narrow) = (scene(Width::Wide), scene(Width::Narrow));
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
