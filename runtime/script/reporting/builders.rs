//! The methods of tables and charts, with their manual.

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Dynamic, Engine};

use super::{chart::ChartBuilder, published::Published, table::TableBuilder};
use crate::script::complaint::Raised;

/// Registers the types and methods.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<TableBuilder>("TableBuilder");
    engine.register_type_with_name::<ChartBuilder>("ChartBuilder");
    engine.register_global_module(exported_module!(table_methods).into());
    engine.register_global_module(exported_module!(chart_methods).into());
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod table_methods {
    /// The varied setting, or an array of them, that makes the rows.
    #[rhai_fn(return_raw)]
    pub fn rows(table: &mut TableBuilder, settings: Dynamic) -> Result<TableBuilder, Raised> {
        table.rows(&settings).map_err(Raised::from)
    }

    /// The metrics that make the columns.
    #[rhai_fn(return_raw)]
    pub fn columns(table: &mut TableBuilder, metrics: Dynamic) -> Result<TableBuilder, Raised> {
        table.columns(&metrics).map_err(Raised::from)
    }

    /// The row that all others are tested against, instead of the best of each column.
    #[rhai_fn(return_raw)]
    pub fn against(
        table: &mut TableBuilder,
        setting: &str,
        value: Dynamic,
    ) -> Result<TableBuilder, Raised> {
        table.against(setting, &value).map_err(Raised::from)
    }

    /// The paper's table, as a block of its own labelled `published`.
    pub fn beside(table: &mut TableBuilder, published: Published) -> TableBuilder {
        table.beside(&published)
    }

    /// The heading.
    pub fn title(table: &mut TableBuilder, text: &str) -> TableBuilder {
        table.title(text)
    }

    /// One or two sentences under the table.
    pub fn caption(table: &mut TableBuilder, text: &str) -> TableBuilder {
        table.caption(text)
    }

    /// Puts the table into the report.
    #[rhai_fn(return_raw)]
    pub fn save(table: &mut TableBuilder) -> Result<(), Raised> {
        table.save().map_err(Raised::from)
    }
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod chart_methods {
    /// The varied setting on the horizontal axis, and the axis: `linear`, `log2` or `log10`.
    #[rhai_fn(return_raw)]
    pub fn x(chart: &mut ChartBuilder, setting: &str, axis: &str) -> Result<ChartBuilder, Raised> {
        chart.x(setting, axis).map_err(Raised::from)
    }

    /// The metrics to draw, one line each, intervals as bands.
    #[rhai_fn(return_raw)]
    pub fn lines(chart: &mut ChartBuilder, metrics: Dynamic) -> Result<ChartBuilder, Raised> {
        chart.lines(&metrics).map_err(Raised::from)
    }

    /// A second varied setting: each metric gets a panel with a line per value of it.
    /// ```rhai
    /// chart("pools", results).x("elements", "log2").lines(["retrieval_top1"]).by("pool").save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn by(chart: &mut ChartBuilder, setting: &str) -> Result<ChartBuilder, Raised> {
        chart.by(setting).map_err(Raised::from)
    }

    /// A training curve over steps, and its vertical axis: `linear`, `log2` or `log10`.
    /// ```rhai
    /// chart("figure10", results).curve("loss", "log10").save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn curve(chart: &mut ChartBuilder, name: &str, axis: &str) -> Result<ChartBuilder, Raised> {
        chart.curve(name, axis).map_err(Raised::from)
    }

    /// The paper's numbers, in a panel of their own labelled `published`.
    pub fn beside(chart: &mut ChartBuilder, published: Published) -> ChartBuilder {
        chart.beside(published)
    }

    /// The columns of the published table to draw.
    #[rhai_fn(return_raw)]
    pub fn columns(chart: &mut ChartBuilder, columns: Dynamic) -> Result<ChartBuilder, Raised> {
        chart.columns(&columns).map_err(Raised::from)
    }

    /// The heading.
    pub fn title(chart: &mut ChartBuilder, text: &str) -> ChartBuilder {
        chart.title(text)
    }

    /// One or two sentences under the chart.
    pub fn caption(chart: &mut ChartBuilder, text: &str) -> ChartBuilder {
        chart.caption(text)
    }

    /// Puts the chart into the report.
    #[rhai_fn(return_raw)]
    pub fn save(chart: &mut ChartBuilder) -> Result<(), Raised> {
        chart.save().map_err(Raised::from)
    }
}
