//! The scores and anchors of the metrics that were declared.

use super::people::People;
use crate::stages::scores::{AnchorScore, Score};

/// Collects what was asked for and drops the rest.
pub(super) struct Tally {
    declared: Vec<String>,
    pub(super) scores: Vec<Score>,
    pub(super) anchors: Vec<AnchorScore>,
}

impl Tally {
    /// For metrics of these names.
    pub(super) fn new<'a>(declared: impl Iterator<Item = &'a String>) -> Self {
        Self { declared: declared.cloned().collect(), scores: Vec::new(), anchors: Vec::new() }
    }

    /// Whether any of these is asked for.
    pub(super) fn wants(&self, metrics: &[&str]) -> bool {
        self.declared.iter().any(|name| metrics.contains(&name.as_str()))
    }

    /// The mean over each person's clips; clips without a value do not count.
    pub(super) fn by_person(
        &mut self,
        metric: &str,
        people: &People,
        of: impl Fn(usize) -> Option<f64>,
    ) {
        if !self.wants(&[metric]) {
            return;
        }
        for (name, clips) in people.iter() {
            if let Some(value) = mean(clips.iter().filter_map(|&clip| of(clip))) {
                let (metric, identity) = (metric.to_owned(), Some(name.to_owned()));
                self.scores.push(Score { metric, identity, value });
            }
        }
    }

    /// A number about the whole set.
    pub(super) fn whole(&mut self, metric: &str, value: f64) {
        if self.wants(&[metric]) {
            self.scores.push(Score { metric: metric.to_owned(), identity: None, value });
        }
    }

    /// A floor or ceiling; nothing when there is no value to show.
    pub(super) fn anchor(&mut self, metric: &str, label: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite() && self.wants(&[metric])) {
            let (label, metric) = (label.to_owned(), metric.to_owned());
            self.anchors.push(AnchorScore { label, metric, value });
        }
    }
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
