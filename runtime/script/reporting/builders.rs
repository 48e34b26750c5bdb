//! The methods of tables and charts, with their manual.

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::{
    chart::ChartBuilder, picture::PictureBuilder, published::Published, table::TableBuilder,
};
use crate::script::complaint::Raised;

/// Registers the types and methods.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<TableBuilder>("TableBuilder");
    engine.register_type_with_name::<ChartBuilder>("ChartBuilder");
    engine.register_type_with_name::<PictureBuilder>("PictureBuilder");
    engine.register_global_module(exported_module!(table_methods).into());
    engine.register_global_module(exported_module!(chart_methods).into());
    engine.register_global_module(exported_module!(picture_methods).into());
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

    /// Only the rows in which a varied setting has this value; it is then no column of its own.
    /// ```rhai
    /// table("frontal", results).rows("method").only("reference", "frontal").save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn only(
        table: &mut TableBuilder,
        setting: &str,
        value: Dynamic,
    ) -> Result<TableBuilder, Raised> {
        table.only(setting, &value).map_err(Raised::from)
    }

    /// What the numbers were measured on, in place of the experiment's scale and world.
    /// ```rhai
    /// table("photographs", results).measured_on("photographs").save();
    /// ```
    pub fn measured_on(table: &mut TableBuilder, what: &str) -> TableBuilder {
        table.measured_on(what)
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

    /// What the measurements drew under this name, a panel or a line for every varied point, each
    /// of its first seed.
    /// ```rhai
    /// chart("figure6", results).drawn("identity_map").save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn drawn(chart: &mut ChartBuilder, name: &str) -> Result<ChartBuilder, Raised> {
        chart.drawn(name, &Map::new()).map_err(Raised::from)
    }

    /// The same at the points with these values.
    /// ```rhai
    /// chart("figure6", results).drawn("identity_map", #{ elements: 4096 }).save();
    /// ```
    #[rhai_fn(name = "drawn", return_raw)]
    pub fn drawn_at(
        chart: &mut ChartBuilder,
        name: &str,
        settings: Map,
    ) -> Result<ChartBuilder, Raised> {
        chart.drawn(name, &settings).map_err(Raised::from)
    }

    /// What each row costs against what it gives: a cost and its axis (`linear`, `log2` or `log10`),
    /// and the metric that it buys. Points are named after the row, coloured by the last setting, and
    /// stairs join those that no other beats in both.
    /// ```rhai
    /// chart("pareto", results).pareto("gflop_per_clip", "log10", "facesim_cur_in_world").save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pareto(
        chart: &mut ChartBuilder,
        cost: &str,
        axis: &str,
        gain: &str,
    ) -> Result<ChartBuilder, Raised> {
        chart.pareto(cost, axis, gain).map_err(Raised::from)
    }

    /// A metric over a varied setting in small panels: one for each value of the first other setting,
    /// in it a line for each of the second, and behind it in grey the first lines of the others.
    /// ```rhai
    /// let by_yaw = results.by_yaw([0, 20, 40, 60, 90]);
    /// chart("turns", by_yaw).panels("yaw_deg", "facesim_cur_in_world").save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn panels(chart: &mut ChartBuilder, x: &str, metric: &str) -> Result<ChartBuilder, Raised> {
        chart.panels(x, metric).map_err(Raised::from)
    }

    /// Only the rows in which a varied setting has this value, in `.pareto` and `.panels`.
    #[rhai_fn(return_raw)]
    pub fn only(
        chart: &mut ChartBuilder,
        setting: &str,
        value: Dynamic,
    ) -> Result<ChartBuilder, Raised> {
        chart.only(setting, &value).map_err(Raised::from)
    }

    /// Similarity of the faces in generated frames over yaw and pitch of the head, a map for each
    /// point: means over people, with the number of faces. Metrics: `facesim_arc_in_world` and
    /// `facesim_cur_in_world`.
    /// ```rhai
    /// chart("map", results).pose_map("facesim_arc_in_world", [#{ method: "lora" }]).save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pose_map(
        chart: &mut ChartBuilder,
        metric: &str,
        points: Array,
    ) -> Result<ChartBuilder, Raised> {
        chart.pose_map(metric, &points).map_err(Raised::from)
    }

    /// How far the first point is above the second at each pose: means over the people whom both
    /// show so turned, with the number of these people.
    /// ```rhai
    /// chart("gain", results)
    ///     .pose_difference("facesim_arc_in_world", #{ method: "faithful" }, #{ method: "lora" })
    ///     .save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pose_difference(
        chart: &mut ChartBuilder,
        metric: &str,
        left: Map,
        right: Map,
    ) -> Result<ChartBuilder, Raised> {
        chart.pose_difference(metric, &left, &right).map_err(Raised::from)
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

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod picture_methods {
    /// Which picture: what the measurements drew under this name, of the first seed at the first
    /// varied point.
    pub fn drawn(picture: &mut PictureBuilder, name: &str) -> PictureBuilder {
        picture.drawn(name, Map::new())
    }

    /// The same at the first point with these values.
    #[rhai_fn(name = "drawn")]
    pub fn drawn_at(picture: &mut PictureBuilder, name: &str, settings: Map) -> PictureBuilder {
        picture.drawn(name, settings)
    }

    /// The heading.
    pub fn title(picture: &mut PictureBuilder, text: &str) -> PictureBuilder {
        picture.title(text)
    }

    /// One or two sentences under the picture.
    pub fn caption(picture: &mut PictureBuilder, text: &str) -> PictureBuilder {
        picture.caption(text)
    }

    /// Puts the picture into the report.
    #[rhai_fn(return_raw)]
    pub fn save(picture: &mut PictureBuilder) -> Result<(), Raised> {
        picture.save().map_err(Raised::from)
    }
}
