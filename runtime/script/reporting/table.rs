//! `table(id, results)`: a table, declared step by step and saved.

use std::collections::BTreeMap;

use ffrun_reports::{
    rows,
    sheet::{Item, TableSpec},
};
use rhai::Dynamic;

use super::{
    anchor::Anchored,
    published::Published,
    results::{Results, names},
};
use crate::script::complaint::Complaint;

/// A table that is being declared. Nothing is drawn before `.save()`.
#[derive(Clone)]
pub(super) struct TableBuilder {
    spec: TableSpec,
    results: Results,
    anchored: Anchored,
}

impl TableBuilder {
    pub(super) fn new(id: &str, results: Results, anchored: Anchored) -> Self {
        Self { spec: blank(id, &results.rows), results, anchored }
    }

    pub(super) fn rows(&mut self, settings: &Dynamic) -> Result<Self, Complaint> {
        let settings = names(settings, "`.rows`")?;
        settings.iter().try_for_each(|name| self.results.varied(name).map(|_| ()))?;
        self.spec.rows = settings;
        Ok(self.clone())
    }

    pub(super) fn columns(&mut self, metrics: &Dynamic) -> Result<Self, Complaint> {
        let metrics = names(metrics, "`.columns`")?;
        metrics.iter().try_for_each(|name| self.results.metric(name).map(|_| ()))?;
        self.spec.columns = metrics;
        Ok(self.clone())
    }

    pub(super) fn against(&mut self, setting: &str, value: &Dynamic) -> Result<Self, Complaint> {
        let value = self.results.value(setting, value)?;
        // A declared row that `-P` left out cannot be compared with.
        let measured = self.results.varied(setting)?.contains(&value);
        self.spec.against = measured.then(|| (setting.to_owned(), value));
        Ok(self.clone())
    }

    pub(super) fn only(&mut self, setting: &str, value: &Dynamic) -> Result<Self, Complaint> {
        let value = self.results.value(setting, value)?;
        self.spec.only.insert(setting.to_owned(), value);
        self.spec.rows.retain(|row| row != setting);
        Ok(self.clone())
    }

    pub(super) fn beside(&mut self, published: &Published) -> Self {
        self.spec.beside = Some(published.table().clone());
        self.clone()
    }

    pub(super) fn measured_on(&mut self, what: &str) -> Self {
        self.spec.origin = Some(what.to_owned());
        self.clone()
    }

    pub(super) fn title(&mut self, text: &str) -> Self {
        text.clone_into(&mut self.spec.title);
        self.clone()
    }

    pub(super) fn caption(&mut self, text: &str) -> Self {
        text.clone_into(&mut self.spec.caption);
        self.clone()
    }

    pub(super) fn save(&mut self) -> Result<(), Complaint> {
        self.anchored.save(self.results.item(Item::Table(self.spec.clone())))
    }
}

/// A table of every declared metric over every varied setting.
pub(in crate::script) fn everything(results: &rows::Results) -> Item {
    Item::Table(blank("results", results))
}

fn blank(id: &str, results: &rows::Results) -> TableSpec {
    TableSpec {
        id: id.to_owned(),
        title: String::new(),
        rows: results.varied.iter().map(|(name, _)| name.clone()).collect(),
        columns: Vec::new(),
        only: BTreeMap::new(),
        against: None,
        beside: None,
        origin: None,
        caption: String::new(),
    }
}
