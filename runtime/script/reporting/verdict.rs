//! Verdicts: what the data say about a claim, by statistics and never by a bare comparison.

use ffrun_reports::{
    rows::{Direction, Metric},
    sheet::Verdict,
    stats::{Difference, Estimate},
};
use rhai::Map;

use super::results::{Point, Results};
use crate::script::{complaint::Complaint, suggest::did_you_mean_or_list};

/// Level of every test.
pub(super) const ALPHA: f64 = 0.05;

/// A verdict with the numbers behind it; what `claim` takes.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) evidence: String,
}

impl Judgement {
    pub(super) fn new(verdict: Verdict, evidence: String) -> Self {
        Self { verdict, evidence }
    }

    /// The verdict of a plain comparison.
    pub(super) fn compared(holds: bool, unmeasured: bool) -> Self {
        if unmeasured {
            return Self::unmeasured("a number that is compared");
        }
        let verdict = if holds { Verdict::Reproduced } else { Verdict::Contradicted };
        Self::new(verdict, format!("the comparison is {holds}; it takes no account of chance"))
    }

    /// The verdict where another claim holds; where that one is not shown, this one says nothing.
    pub(super) fn provided(self, condition: &Self) -> Self {
        if condition.verdict == Verdict::Reproduced {
            return self;
        }
        let evidence = format!("says nothing, since this is not shown: {}", condition.evidence);
        Self::new(Verdict::Inconclusive, format!("{evidence}; {}", self.evidence))
    }

    pub(super) fn unmeasured(what: &str) -> Self {
        Self::new(Verdict::Inconclusive, format!("not measured yet: {what}"))
    }
}

impl Results {
    /// The point scores best, and significantly better than the runner-up, of all points or of those
    /// that agree with `among`.
    pub(super) fn wins(
        &self,
        metric: &str,
        map: &Map,
        among: &Map,
    ) -> Result<Judgement, Complaint> {
        let metric = self.metric(metric)?;
        let point = self.point(map)?;
        let mut common = Point::new();
        for (name, value) in among {
            common.insert(name.to_string(), self.value(name, value)?);
        }
        let agrees =
            |other: &Point| common.iter().all(|(name, value)| other.get(name) == Some(value));
        if !agrees(&point) {
            let message = "the point is none of those that it is to be the best of".to_owned();
            return Err(Complaint::new("setting", message)
                .hint("give what all have in common the value that the point has"));
        }
        if metric.direction == Direction::Neutral {
            let message = format!("no value of `{}` is better than another", metric.name);
            return Err(Complaint::new("contract", message).at(&metric.name));
        }
        let mut ranked = self.ranked(metric);
        ranked.retain(|(other, _)| agrees(other));
        let Some(at) = ranked.iter().position(|(known, _)| *known == point) else {
            return Ok(Judgement::unmeasured(&shown(&point)));
        };
        let rival = if at == 0 { ranked.get(1) } else { ranked.first() };
        let Some((rival, _)) = rival else {
            return Ok(Judgement::unmeasured("anything to compare with"));
        };
        let Some(difference) = self.frame.difference(&metric.name, &point, rival) else {
            return Ok(Judgement::unmeasured(&shown(rival)));
        };
        // The rival was picked as the best of all others, so its test counts for all of them.
        let others = ranked.len().saturating_sub(1).max(1) as f64;
        let p = if at == 0 { difference.p } else { (difference.p * others).min(1.0) };
        let verdict = match (at, p < ALPHA) {
            (0, true) => Verdict::Reproduced,
            (_, true) => Verdict::Contradicted,
            // Also where no test is possible and p is NaN.
            (_, false) => Verdict::Inconclusive,
        };
        let role = if at == 0 { "the runner-up" } else { "the best" };
        let evidence =
            self.compared(metric, (&point, rival), role, &Difference { p, ..difference });
        Ok(Judgement::new(verdict, evidence))
    }

    /// Two points differ by less than `margin`, by the interval of their difference.
    pub(super) fn within(
        &self,
        metric: &str,
        left: &Map,
        right: &Map,
        margin: f64,
    ) -> Result<Judgement, Complaint> {
        let metric = self.metric(metric)?;
        if margin.is_nan() || margin <= 0.0 {
            let message = format!("the margin is {margin}, but must be above 0");
            return Err(Complaint::new("setting", message));
        }
        self.paired(metric, left, right, |difference| {
            if difference.low > -margin && difference.high < margin {
                Verdict::Reproduced
            } else if difference.low > margin || difference.high < -margin {
                Verdict::Contradicted
            } else {
                Verdict::Inconclusive
            }
        })
    }

    /// The first point has a larger value than the second.
    pub(super) fn exceeds(
        &self,
        metric: &str,
        left: &Map,
        right: &Map,
    ) -> Result<Judgement, Complaint> {
        let metric = self.metric(metric)?;
        self.paired(metric, left, right, |difference| match difference.p < ALPHA {
            true if difference.mean > 0.0 => Verdict::Reproduced,
            true if difference.mean < 0.0 => Verdict::Contradicted,
            _ => Verdict::Inconclusive,
        })
    }

    /// A training curve ends below `limit` at a point, for every seed.
    pub(super) fn ends_below(
        &self,
        curve: &str,
        map: &Map,
        limit: f64,
    ) -> Result<Judgement, Complaint> {
        let point = self.point(map)?;
        let ends = self.curve_ends(curve, &point)?;
        if ends.is_empty() {
            return Ok(Judgement::unmeasured(&shown(&point)));
        }
        let below = ends.iter().filter(|end| **end < limit).count();
        let verdict = match below {
            0 => Verdict::Contradicted,
            all if all == ends.len() => Verdict::Reproduced,
            _ => Verdict::Inconclusive,
        };
        let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let seeds = ends.len();
        let evidence = format!(
            "{curve}: {} ends between {low:.3} and {high:.3} over {seeds} seeds; below {limit} in \
             {below} of them",
            shown(&point)
        );
        Ok(Judgement::new(verdict, evidence))
    }

    /// A point is better than an anchor, such as chance, with its whole interval.
    pub(super) fn beats_anchor(
        &self,
        metric: &str,
        map: &Map,
        label: &str,
    ) -> Result<Judgement, Complaint> {
        let metric = self.metric(metric)?;
        let point = self.point(map)?;
        let mine: Vec<_> =
            self.rows.anchors.iter().filter(|anchor| anchor.metric == metric.name).collect();
        let Some(anchor) = mine.iter().find(|anchor| anchor.label == label) else {
            if mine.is_empty() {
                return Ok(Judgement::unmeasured(&format!("`{label}` of {}", metric.label)));
            }
            let known = mine.iter().map(|anchor| anchor.label.as_str());
            return Err(Complaint::new(
                "setting",
                format!("no anchor `{label}` of {}", metric.name),
            )
            .maybe_hint(did_you_mean_or_list(label, known))
            .at(label));
        };
        let Some(estimate) = self.frame.estimate(&metric.name, &point) else {
            return Ok(Judgement::unmeasured(&shown(&point)));
        };
        let (above, below) = (estimate.low > anchor.value, estimate.high < anchor.value);
        let verdict = match (metric.direction, above, below) {
            (Direction::Lower, _, true) | (Direction::Higher, true, _) => Verdict::Reproduced,
            (Direction::Lower, true, _) | (Direction::Higher, _, true) => Verdict::Contradicted,
            _ => Verdict::Inconclusive,
        };
        let evidence = format!(
            "{}: {} {} against {label} {}",
            metric.label,
            shown(&point),
            interval(metric, &estimate),
            number(metric, anchor.value)
        );
        Ok(Judgement::new(verdict, evidence))
    }

    /// Measured points, best first.
    fn ranked(&self, metric: &Metric) -> Vec<(Point, Estimate)> {
        let cells = self.frame.cells().into_iter();
        let mut ranked: Vec<(Point, Estimate)> = cells
            .filter_map(|cell| {
                let estimate = self.frame.estimate(&metric.name, &cell)?;
                Some((cell, estimate))
            })
            .collect();
        ranked.sort_by(|(_, a), (_, b)| match metric.direction {
            Direction::Lower => a.mean.total_cmp(&b.mean),
            Direction::Higher | Direction::Neutral => b.mean.total_cmp(&a.mean),
        });
        ranked
    }

    fn paired(
        &self,
        metric: &Metric,
        left: &Map,
        right: &Map,
        judge: impl FnOnce(&Difference) -> Verdict,
    ) -> Result<Judgement, Complaint> {
        let (left, right) = (self.point(left)?, self.point(right)?);
        let Some(difference) = self.frame.difference(&metric.name, &left, &right) else {
            let both = format!("{} and {}", shown(&left), shown(&right));
            return Ok(Judgement::unmeasured(&both));
        };
        let evidence = self.compared(metric, (&left, &right), "", &difference);
        Ok(Judgement::new(judge(&difference), evidence))
    }

    fn compared(
        &self,
        metric: &Metric,
        (left, right): (&Point, &Point),
        role: &str,
        difference: &Difference,
    ) -> String {
        let value = |point: &Point| {
            let estimate = self.frame.estimate(&metric.name, point);
            estimate.map_or("–".to_owned(), |estimate| interval(metric, &estimate))
        };
        let role = if role.is_empty() { String::new() } else { format!("{role}, ") };
        format!(
            "{}: {} {} against {role}{} {}; {}",
            metric.label,
            shown(left),
            value(left),
            shown(right),
            value(right),
            compared(metric, difference)
        )
    }
}

/// `difference +0.012 [-0.003, +0.027], p = 0.113`.
pub(super) fn compared(metric: &Metric, difference: &Difference) -> String {
    format!(
        "difference {}{}, p {}",
        signed(metric, difference.mean),
        span(metric, difference.low, difference.high, signed),
        match difference.p {
            p if p.is_nan() => "unknown".to_owned(),
            p if p < 0.001 => "< 0.001".to_owned(),
            p => format!("= {p:.3}"),
        }
    )
}

/// `elements 4096`.
pub(super) fn shown(point: &Point) -> String {
    let parts: Vec<String> = point
        .iter()
        .map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name} {text}"),
            None => format!("{name} {value}"),
        })
        .collect();
    parts.join(", ")
}

/// `0.912 [0.900, 0.925]`.
pub(super) fn interval(metric: &Metric, estimate: &Estimate) -> String {
    let mean = number(metric, estimate.mean);
    format!("{mean}{}", span(metric, estimate.low, estimate.high, number))
}

/// ` [low, high]`, or nothing where there is no spread to speak of.
fn span(metric: &Metric, low: f64, high: f64, write: fn(&Metric, f64) -> String) -> String {
    if low.is_nan() || high.is_nan() {
        return String::new();
    }
    format!(" [{}, {}]", write(metric, low), write(metric, high))
}

fn number(metric: &Metric, value: f64) -> String {
    format!("{value:.*}", metric.digits)
}

fn signed(metric: &Metric, value: f64) -> String {
    let text = format!("{value:+.*}", metric.digits);
    // Nothing has no sign.
    if text.chars().any(|digit| ('1'..='9').contains(&digit)) {
        return text;
    }
    number(metric, 0.0)
}
