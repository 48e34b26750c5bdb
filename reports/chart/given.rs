//! Lines whose points were computed elsewhere, in one panel.

use super::axis::Axis;
use super::palette::Colour;
use super::panel::{Panel, Sample, Series};
use crate::sheet::{Axis as Scale, GivenLine, GivenPoint};

/// Room at either end of the vertical range, as a share of it.
const MARGIN: f64 = 0.08;
/// Points of a line that are marked as such; a longer one is a plain line.
const MOST_DOTS: usize = 24;

/// One panel with all lines.
pub(crate) fn panel(x_title: &str, lines: &[GivenLine]) -> Panel {
    let points = || lines.iter().flat_map(|line| line.points.iter().flatten());
    let (left, right) = range(points().flat_map(|point| [point.x])).unwrap_or((0.0, 1.0));
    let ends = |point: &GivenPoint| {
        let (low, high) = point.band.unwrap_or((point.y, point.y));
        [low, point.y, high]
    };
    let (low, high) = range(points().flat_map(ends)).unwrap_or((0.0, 1.0));
    let margin = MARGIN * (high - low);
    let series = |(place, line): (usize, &GivenLine)| Series {
        label: line.label.clone(),
        colour: Colour::Kind(place),
        points: line.points.iter().map(|point| point.map(sample)).collect(),
        dots: line.points.len() <= MOST_DOTS,
    };
    Panel {
        lead: String::new(),
        asides: Vec::new(),
        x: Axis::round(Scale::Linear, left, right, 6),
        x_title: x_title.to_owned(),
        y: Axis::round(Scale::Linear, low - margin, high + margin, 5),
        series: lines.iter().enumerate().map(series).collect(),
        rules: Vec::new(),
        labels: Vec::new(),
    }
}

fn sample(point: GivenPoint) -> Sample {
    Sample { x: point.x, y: point.y, band: point.band }
}

/// The smallest and the largest of some finite numbers.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let ends = values.filter(|value| value.is_finite()).map(|value| (value, value));
    ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

#[cfg(test)]
mod tests {
    use super::panel;
    use crate::sheet::{GivenLine, GivenPoint};

    #[test]
    fn the_range_holds_every_interval() {
        let point = |x, y, band| Some(GivenPoint { x, y, band });
        let lines = [
            GivenLine { label: "a".into(), points: vec![point(7.5, 0.5, Some((0.2, 0.8)))] },
            GivenLine { label: "b".into(), points: vec![None, point(80.0, 0.1, None)] },
        ];
        let panel = panel("|yaw| in °", &lines);
        assert!(panel.y.holds(0.1) && panel.y.holds(0.8) && !panel.y.holds(1.0));
        assert!(panel.x.holds(7.5) && panel.x.holds(80.0));
        assert_eq!(panel.series[1].points.len(), 2, "a gap stays a gap");
        assert!(super::panel("x", &[]).series.is_empty());
    }
}
