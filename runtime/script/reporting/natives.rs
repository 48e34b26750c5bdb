//! The functions of `report` and `claims`, with their manual.

use ffrun_reports::sheet::{Claim, Item, Verdict};
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};

use super::{
    anchor::Anchored, builders, chart::ChartBuilder, losing::Loss, picture::PictureBuilder,
    published::Published, results::Results, table::TableBuilder, verdict::Judgement,
};
use crate::script::{complaint::Raised, host::Host, phase::Phase};

/// Registers the types and functions.
pub(in crate::script) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Results>("Results");
    engine.register_type_with_name::<Published>("Published");
    engine.register_type_with_name::<Judgement>("Verdict");
    engine.register_global_module(exported_module!(report_functions).into());
    builders::register(engine);
    engine.register_global_module(exported_module!(results_methods).into());
    engine.register_global_module(exported_module!(verdict_methods).into());
    engine.register_indexer_get(|it: &mut Results, name: &str| {
        it.property(name).map_err(Raised::from)
    });
}

/// Adds a claim. While trials are missing every claim is inconclusive.
fn judge(
    context: &NativeCallContext,
    text: &str,
    judgement: impl FnOnce() -> Judgement,
) -> Result<(), Raised> {
    let host = Host::in_phase(context, Phase::Claims)?;
    let Judgement { verdict, evidence } = judgement();
    let mut state = host.state();
    let (verdict, evidence) = match state.progress {
        Some((finished, planned)) if finished < planned => {
            let missing = format!("{finished} of {planned} trials are measured");
            (Verdict::Inconclusive, format!("{missing}; so far: {evidence}"))
        }
        _ => (verdict, evidence),
    };
    state.claims.push(Claim { text: text.to_owned(), verdict, evidence });
    Ok(())
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod report_functions {
    /// Begins a table. Its rows are all varied settings and its columns all declared metrics
    /// until told otherwise. Belongs in `report(results)`; `id` names the files.
    /// ```rhai
    /// table("table3", results).rows("elements").beside(paper::table3()).save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn table(
        context: NativeCallContext,
        id: &str,
        results: Results,
    ) -> Result<TableBuilder, Raised> {
        let anchored = Anchored::begin(&context, "table", id)?;
        Ok(TableBuilder::new(id, results, anchored))
    }

    /// Begins a chart. Belongs in `report(results)`; `id` names the files.
    /// ```rhai
    /// chart("figure8", results).x("elements", "log2").lines(["retrieval_top1"]).save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chart(
        context: NativeCallContext,
        id: &str,
        results: Results,
    ) -> Result<ChartBuilder, Raised> {
        let anchored = Anchored::begin(&context, "chart", id)?;
        Ok(ChartBuilder::new(id, results, anchored))
    }

    /// Begins a picture that a measurement drew. Belongs in `report(results)`; `id` names the file.
    /// ```rhai
    /// picture("figure7_faces", results).drawn("pose_faces", #{ elements: 4096 }).save();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn picture(
        context: NativeCallContext,
        id: &str,
        results: Results,
    ) -> Result<PictureBuilder, Raised> {
        let anchored = Anchored::begin(&context, "picture", id)?;
        Ok(PictureBuilder::new(id, results, anchored))
    }

    /// A paragraph of plain text in the report.
    /// ```rhai
    /// note("Measured on rendered heads: the numbers are no reproduction of the paper's.");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn note(context: NativeCallContext, text: &str) -> Result<(), Raised> {
        let host = Host::in_phase(&context, Phase::Report)?;
        host.state().items.push(Item::Text(text.to_owned()));
        Ok(())
    }

    /// A claim with the verdict of a test: `results.wins`, `.within`, `.exceeds`,
    /// `.beats_anchor`. Belongs in `claims(results)`.
    /// ```rhai
    /// claim("4096 elements score best", results.wins("retrieval_top1", #{ elements: 4096 }));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn claim(context: NativeCallContext, text: &str, verdict: Judgement) -> Result<(), Raised> {
        judge(&context, text, || verdict)
    }

    /// A claim by a plain comparison, which takes no account of chance.
    /// ```rhai
    /// claim("the loss ends below 1", results.curve_end("loss", #{ elements: 4096 }) < 1.0);
    /// ```
    #[rhai_fn(name = "claim", return_raw)]
    pub fn claim_bool(context: NativeCallContext, text: &str, holds: bool) -> Result<(), Raised> {
        let unmeasured = Host::of(&context)?.state().unmeasured;
        judge(&context, text, || Judgement::compared(holds, unmeasured))
    }

    /// A table of the paper, typed in. `drops` names printed percentages to be recomputed.
    /// ```rhai
    /// published(#{
    ///     name: "Table 4", rows: "pool",
    ///     columns: [#{ name: "fid", label: "FID", better: "lower", digits: 2 }],
    ///     cells: [["max", 164.24], ["mean", 165.64]],
    /// })
    /// ```
    #[rhai_fn(return_raw)]
    pub fn published(table: Map) -> Result<Published, Raised> {
        Published::read(&table).map_err(Raised::from)
    }

    /// A cell of a published table.
    /// ```rhai
    /// let printed = paper::table3().cell(4096, "facesim_cur");
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn cell(table: &mut Published, row: Dynamic, column: &str) -> Result<f64, Raised> {
        table.cell(&row, column).map_err(Raised::from)
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
mod verdict_methods {
    /// The same verdict where `condition` is reproduced, else inconclusive: what has no effect
    /// loses nothing by an error in it, and shows no robustness by that.
    /// ```rhai
    /// claim("beyond 4096 little changes", results.within("retrieval_top1", #{ elements: 4096 }, #{ elements: 32768 }, 0.013)
    ///     .provided(results.exceeds("retrieval_top1", #{ elements: 4096 }, #{ elements: 1024 })));
    /// ```
    pub fn provided(verdict: &mut Judgement, condition: Judgement) -> Judgement {
        verdict.clone().provided(&condition)
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
mod results_methods {
    /// Whether this point is the best of all: reproduced if it is and the runner-up is
    /// significantly worse, contradicted if another is significantly better.
    #[rhai_fn(return_raw, pure)]
    pub fn wins(results: &mut Results, metric: &str, point: Map) -> Result<Judgement, Raised> {
        results.wins(metric, &point, &Map::new()).map_err(Raised::from)
    }

    /// The same of the points that have some settings in common.
    /// ```rhai
    /// results.wins("facesim_arc_in_world", #{ method: "faithful", reference: "frontal" }, #{ reference: "frontal" })
    /// ```
    #[rhai_fn(name = "wins", return_raw, pure)]
    pub fn wins_among(
        results: &mut Results,
        metric: &str,
        point: Map,
        among: Map,
    ) -> Result<Judgement, Raised> {
        results.wins(metric, &point, &among).map_err(Raised::from)
    }

    /// Whether two points differ by less than `margin`: reproduced if the whole interval of the
    /// difference lies within it, contradicted if the whole interval lies outside.
    /// ```rhai
    /// results.within("retrieval_top1", #{ elements: 4096 }, #{ elements: 32768 }, 0.013)
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn within(
        results: &mut Results,
        metric: &str,
        left: Map,
        right: Map,
        margin: f64,
    ) -> Result<Judgement, Raised> {
        results.within(metric, &left, &right, margin).map_err(Raised::from)
    }

    /// Whether the first point has a larger value than the second, by a paired test over people.
    #[rhai_fn(return_raw, pure)]
    pub fn exceeds(
        results: &mut Results,
        metric: &str,
        left: Map,
        right: Map,
    ) -> Result<Judgement, Raised> {
        results.exceeds(metric, &left, &right).map_err(Raised::from)
    }

    /// Whether more than a share of the metric is lost from the first point to the second, by a
    /// paired test over people.
    /// ```rhai
    /// results.loses_more("retrieval_top1", #{ elements: 4096 }, #{ elements: 32768 }, 0.5)
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn loses_more(
        results: &mut Results,
        metric: &str,
        from: Map,
        to: Map,
        share: f64,
    ) -> Result<Judgement, Raised> {
        results.loses(metric, [&from, &to], (Loss::More, share)).map_err(Raised::from)
    }

    /// Whether less than a share of the metric is lost from the first point to the second, by a
    /// paired test over people.
    /// ```rhai
    /// results.loses_less("retrieval_top1", #{ elements: 4096 }, #{ elements: 32768 }, 0.25)
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn loses_less(
        results: &mut Results,
        metric: &str,
        from: Map,
        to: Map,
        share: f64,
    ) -> Result<Judgement, Raised> {
        results.loses(metric, [&from, &to], (Loss::Less, share)).map_err(Raised::from)
    }

    /// Whether a point is better than an anchor, such as `chance`, with its whole interval.
    #[rhai_fn(return_raw, pure)]
    pub fn beats_anchor(
        results: &mut Results,
        metric: &str,
        point: Map,
        label: &str,
    ) -> Result<Judgement, Raised> {
        results.beats_anchor(metric, &point, label).map_err(Raised::from)
    }

    /// A training curve ends below a limit at a point: reproduced if it does for every seed,
    /// contradicted if for none.
    /// ```rhai
    /// claim("the loss converges", results.ends_below("loss", #{ elements: 4096 }, 0.4));
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn ends_below(
        results: &mut Results,
        curve: &str,
        point: Map,
        limit: f64,
    ) -> Result<Judgement, Raised> {
        results.ends_below(curve, &point, limit).map_err(Raised::from)
    }

    /// The same results face by face, with |yaw| of the head in the frame as one more varied
    /// setting, `yaw_deg`: the middle of each range between rising edges in degrees. Tables, charts
    /// and claims take them as they take `results`. Metrics: those that every frame has, which are
    /// `facesim_arc_in_world` and `facesim_cur_in_world`, and the number of `faces`.
    /// ```rhai
    /// let by_yaw = results.by_yaw([0, 20, 40, 60, 90]);
    /// chart("turns", by_yaw).x("yaw_deg", "linear").lines("facesim_arc_in_world").by("method").save();
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn by_yaw(results: &mut Results, edges_deg: Array) -> Result<Results, Raised> {
        results.by_yaw(&edges_deg).map_err(Raised::from)
    }

    /// Last value of a training curve at a point, mean over seeds; NaN while there is none.
    #[rhai_fn(return_raw, pure)]
    pub fn curve_end(results: &mut Results, curve: &str, point: Map) -> Result<f64, Raised> {
        results.curve_end(curve, &point).map_err(Raised::from)
    }

    /// The settings of the best point; each is `()` while nothing is measured.
    /// ```rhai
    /// note(`best so far: ${results.best("retrieval_top1").elements}`);
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn best(results: &mut Results, metric: &str) -> Result<Map, Raised> {
        results.best(metric).map_err(Raised::from)
    }

    /// Mean of a metric at a point over people and seeds; NaN while it is not measured.
    #[rhai_fn(return_raw, pure)]
    pub fn mean(results: &mut Results, metric: &str, point: Map) -> Result<f64, Raised> {
        results.mean(metric, &point).map_err(Raised::from)
    }
}
