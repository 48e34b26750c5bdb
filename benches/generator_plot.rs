//! The cost of a training step against its tokens, as a picture: measured, and as the arithmetic
//! says.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::register_font;

use super::Options;
use super::measuring::Result;

/// What one number of tokens cost.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) tokens: f64,
    pub(super) seconds: f64,
    pub(super) peak_mib: f64,
}

const MEASURED: RGBColor = RGBColor(0, 114, 178);
const EXPECTED: RGBColor = RGBColor(213, 94, 0);

/// Floating-point operations of a training step of one clip: products with weights grow with the
/// tokens, attention with their square. A backward pass costs two forward ones, and attention's
/// computes its scores a second time.
pub(super) fn operations(options: &Options, tokens: f64) -> f64 {
    let (dim, layers) = (options.dim as f64, options.layers as f64);
    // Every second layer has a block of the VACE branch beside it.
    let blocks = layers + (layers / 2.0).ceil();
    // q, k, v, o of self-attention, q and o of cross-attention, and a fourfold MLP there and back.
    let weights = (4.0 + 2.0 + 8.0) * dim * dim;
    blocks * (3.0 * 2.0 * weights * tokens + 3.5 * 4.0 * dim * tokens * tokens)
}

/// Draws time and memory side by side, both axes logarithmic.
pub(super) fn draw(path: &Path, options: &Options, points: &[Point]) -> Result<()> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let area = SVGBackend::new(path, (1400, 620)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(700);
    // One constant, fitted as the mean ratio in the logarithm: the shape is what is compared.
    let cost = |at: &Point| operations(options, at.tokens);
    let logs = points.iter().map(|at| (at.seconds / cost(at)).ln());
    let rate = (logs.sum::<f64>() / points.len().max(1) as f64).exp();
    let seconds = points.iter().map(|at| (at.tokens, at.seconds)).collect();
    let expected = points.iter().map(|at| (at.tokens, rate * cost(at))).collect();
    panel(
        &left,
        "Training step of one clip (s)",
        [seconds, expected],
        "tokens, tokens² as counted",
    )?;
    let memory = points.iter().map(|at| (at.tokens, at.peak_mib)).collect();
    let Some(last) = points.last() else { return Ok(()) };
    let linear = points.iter().map(|at| (at.tokens, last.peak_mib * at.tokens / last.tokens));
    panel(&right, "Extra memory (MiB)", [memory, linear.collect()], "in proportion to tokens")?;
    Ok(area.present()?)
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    [measured, expected]: [Vec<(f64, f64)>; 2],
    expectation: &str,
) -> Result<()> {
    let both = || measured.iter().chain(&expected);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) = both()
            .map(of)
            .fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(at), high.max(at)));
        low / 1.3..high * 1.3
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 26))
        .margin(18)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(
            ends(|at| at.0).log_scale().base(2.0),
            ends(|at| at.1).log_scale().base(2.0),
        )?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("tokens")
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&|tokens| format!("{tokens:.0}"))
        .y_label_formatter(&|value| {
            format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
        })
        .label_style(("sans-serif", 18))
        .draw()?;
    let dashed = DashedLineSeries::new(expected, 8, 6, EXPECTED.stroke_width(2));
    chart
        .draw_series(dashed)?
        .label(expectation)
        .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], EXPECTED.stroke_width(2)));
    let line = LineSeries::new(measured, MEASURED.stroke_width(3)).point_size(4);
    chart
        .draw_series(line)?
        .label("measured")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], MEASURED.stroke_width(3)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 18))
        .background_style(WHITE)
        .draw()?;
    Ok(())
}
