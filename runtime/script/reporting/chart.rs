//! `chart(id, results)`: a chart, declared step by step and saved.

use std::collections::BTreeMap;

use ffrun_reports::sheet::{Axis, ChartSpec, Drawing, Item};
use rhai::{Array, Dynamic, Map};
use serde_json::Value;

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
    pareto: Option<(String, Axis, String)>,
    panels: Option<(String, String)>,
    only: BTreeMap<String, Value>,
    /// Computed elsewhere.
    given: Option<Drawing>,
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
            pareto: None,
            panels: None,
            only: BTreeMap::new(),
            given: None,
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

    pub(super) fn pareto(
        &mut self,
        cost: &str,
        axis_name: &str,
        gain: &str,
    ) -> Result<Self, Complaint> {
        for name in [cost, gain] {
            self.results.metric(name)?;
        }
        self.pareto = Some((cost.to_owned(), axis(axis_name)?, gain.to_owned()));
        Ok(self.clone())
    }

    pub(super) fn panels(&mut self, x: &str, metric: &str) -> Result<Self, Complaint> {
        self.results.varied(x)?;
        self.results.metric(metric)?;
        self.panels = Some((x.to_owned(), metric.to_owned()));
        Ok(self.clone())
    }

    pub(super) fn only(&mut self, setting: &str, value: &Dynamic) -> Result<Self, Complaint> {
        let value = self.results.value(setting, value)?;
        self.only.insert(setting.to_owned(), value);
        Ok(self.clone())
    }

    pub(super) fn drawn(&mut self, name: &str, fixed: &Map) -> Result<Self, Complaint> {
        self.given = Some(self.results.drawing(name, fixed)?);
        Ok(self.clone())
    }

    pub(super) fn pose_map(&mut self, metric: &str, points: &Array) -> Result<Self, Complaint> {
        self.given = Some(self.results.pose_maps(metric, points)?);
        Ok(self.clone())
    }

    pub(super) fn pose_difference(
        &mut self,
        metric: &str,
        left: &Map,
        right: &Map,
    ) -> Result<Self, Complaint> {
        self.given = Some(self.results.pose_difference(metric, left, right)?);
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
        self.anchored.save(self.results.item(Item::Chart(spec)))
    }

    fn drawing(&self) -> Result<Drawing, Complaint> {
        let wrong = |message: &str| {
            Complaint::new("contract", format!("chart `{}` {message}", self.id)).hint(
                "draw `.x(setting, axis).lines([…])`, `.curve(name, axis)`, `.pose_map(…)`, \
                 `.pareto(cost, axis, metric)`, `.panels(x, metric)` or `.drawn(name)`",
            )
        };
        let lines = self.x.is_some() || self.curve.is_some();
        if let Some(given) = &self.given {
            let alone = !lines && self.pareto.is_none() && self.panels.is_none();
            return alone
                .then(|| given.clone())
                .ok_or_else(|| wrong("draws what was measured elsewhere and lines at once"));
        }
        let drawn = [lines, self.pareto.is_some(), self.panels.is_some()];
        if drawn.into_iter().filter(|drawn| *drawn).count() > 1 {
            return Err(wrong("draws several things at once"));
        }
        let only = self.only.clone();
        if let Some((cost, axis, gain)) = &self.pareto {
            let (cost, gain) = (cost.clone(), gain.clone());
            return Ok(Drawing::Pareto { cost, axis: *axis, gain, only });
        }
        if let Some((x, metric)) = &self.panels {
            return Ok(Drawing::Behind { x: x.clone(), metric: metric.clone(), only });
        }
        if !only.is_empty() {
            return Err(wrong("takes `.only` with `.pareto` and `.panels` alone"));
        }
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
