//! `chart(id, results)`: a chart, declared step by step and saved.

use ffrun_reports::sheet::{Axis, ChartSpec, Drawing, Item};
use rhai::Dynamic;

use super::{
    anchor::Anchored,
    published::Published,
    results::{Results, names},
};
use crate::script::{complaint::Complaint, suggest::did_you_mean_or_list};

/// A chart that is being declared. Nothing is drawn before `.save()`.
#[derive(Clone)]
pub(super) struct ChartBuilder {
    id: String,
    x: Option<(String, Axis)>,
    metrics: Vec<String>,
    by: String,
    curve: Option<(String, Axis)>,
    title: String,
    caption: String,
    beside: Option<Published>,
    beside_columns: Vec<String>,
    results: Results,
    anchored: Anchored,
}

impl ChartBuilder {
    pub(super) fn new(id: &str, results: Results, anchored: Anchored) -> Self {
        Self {
            id: id.to_owned(),
            x: None,
            metrics: Vec::new(),
            by: String::new(),
            curve: None,
            title: String::new(),
            caption: String::new(),
            beside: None,
            beside_columns: Vec::new(),
            results,
            anchored,
        }
    }

    pub(super) fn x(&mut self, setting: &str, axis_name: &str) -> Result<Self, Complaint> {
        self.results.varied(setting)?;
        self.x = Some((setting.to_owned(), axis(axis_name)?));
        Ok(self.clone())
    }

    pub(super) fn lines(&mut self, metrics: &Dynamic) -> Result<Self, Complaint> {
        let metrics = names(metrics, "`.lines`")?;
        metrics.iter().try_for_each(|name| self.results.metric(name).map(|_| ()))?;
        self.metrics = metrics;
        Ok(self.clone())
    }

    pub(super) fn by(&mut self, setting: &str) -> Result<Self, Complaint> {
        self.results.varied(setting)?;
        setting.clone_into(&mut self.by);
        Ok(self.clone())
    }

    pub(super) fn curve(&mut self, name: &str, axis_name: &str) -> Result<Self, Complaint> {
        self.curve = Some((name.to_owned(), axis(axis_name)?));
        Ok(self.clone())
    }

    pub(super) fn beside(&mut self, published: Published) -> Self {
        self.beside = Some(published);
        self.clone()
    }

    pub(super) fn columns(&mut self, columns: &Dynamic) -> Result<Self, Complaint> {
        let columns = names(columns, "`.columns`")?;
        let Some(published) = &self.beside else {
            return Err(Complaint::new("contract", "`.columns` chooses among published columns")
                .hint("call `.beside(…)` before it; `.lines([…])` chooses measured metrics"));
        };
        columns.iter().try_for_each(|name| published.has_column(name))?;
        self.beside_columns = columns;
        Ok(self.clone())
    }

    pub(super) fn title(&mut self, text: &str) -> Self {
        text.clone_into(&mut self.title);
        self.clone()
    }

    pub(super) fn caption(&mut self, text: &str) -> Self {
        text.clone_into(&mut self.caption);
        self.clone()
    }

    pub(super) fn save(&mut self) -> Result<(), Complaint> {
        let spec = ChartSpec {
            id: self.id.clone(),
            title: self.title.clone(),
            drawing: self.drawing()?,
            beside: self.beside.as_ref().map(|published| published.table().clone()),
            beside_columns: self.beside_columns.clone(),
            caption: self.caption.clone(),
        };
        self.anchored.save(Item::Chart(spec))
    }

    fn drawing(&self) -> Result<Drawing, Complaint> {
        let wrong = |message: &str| {
            Complaint::new("contract", format!("chart `{}` {message}", self.id))
                .hint("draw `.x(setting, axis).lines([…])`, or `.curve(name, axis)`")
        };
        match (&self.x, &self.curve) {
            (Some(_), Some(_)) => Err(wrong("draws lines and a curve at once")),
            (None, None) => Err(wrong("does not say what it draws")),
            (None, Some(_)) if !self.metrics.is_empty() => {
                Err(wrong("draws lines and a curve at once"))
            }
            (Some(_), None) if self.metrics.is_empty() => Err(wrong("has an axis but no lines")),
            (None, Some((curve, axis))) => Ok(Drawing::Curve { curve: curve.clone(), axis: *axis }),
            (Some((x, _)), None) if *x == self.by => {
                Err(wrong("has one setting in `.x` and `.by`"))
            }
            (Some((x, axis)), None) => Ok(Drawing::Lines {
                x: x.clone(),
                axis: *axis,
                metrics: self.metrics.clone(),
                by: self.by.clone(),
            }),
        }
    }
}

fn axis(name: &str) -> Result<Axis, Complaint> {
    match name {
        "linear" => Ok(Axis::Linear),
        "log2" => Ok(Axis::Log2),
        "log10" => Ok(Axis::Log10),
        _ => Err(Complaint::new("setting", format!("unknown axis `{name}`"))
            .maybe_hint(did_you_mean_or_list(name, ["linear", "log2", "log10"]))
            .at(name)),
    }
}
