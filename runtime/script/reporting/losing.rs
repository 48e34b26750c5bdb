//! Verdicts on how much of a number is lost from one point to another.

use ffrun_reports::sheet::Verdict;
use rhai::Map;

use super::{
    results::Results,
    verdict::{ALPHA, Judgement, compared, interval, shown},
};
use crate::script::complaint::Complaint;

/// Which side of a share the loss is claimed to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    More,
    Less,
}

impl Results {
    /// From one point to another, more or less than a share of the metric is lost: a paired test of
    /// what is left against the rest of that share. Nothing can be said where there is nothing to
    /// lose.
    pub(super) fn loses(
        &self,
        metric: &str,
        [from, to]: [&Map; 2],
        (loss, share): (Loss, f64),
    ) -> Result<Judgement, Complaint> {
        let metric = self.metric(metric)?;
        if !(share > 0.0 && share < 1.0) {
            let message = format!("the share is {share}, but must be between 0 and 1");
            return Err(Complaint::new("setting", message));
        }
        let (from, to) = (self.point(from)?, self.point(to)?);
        let difference = self.frame.difference_to_share(&metric.name, &to, (&from, 1.0 - share));
        let before = self.frame.estimate(&metric.name, &from);
        let after = self.frame.estimate(&metric.name, &to);
        let (Some(difference), Some(before), Some(after)) = (difference, before, after) else {
            let both = format!("{} and {}", shown(&from), shown(&to));
            return Ok(Judgement::unmeasured(&both));
        };
        let told = format!(
            "{}: {} {}, {} {}",
            metric.label,
            shown(&from),
            interval(metric, &before),
            shown(&to),
            interval(metric, &after),
        );
        if before.low.is_nan() || before.low <= 0.0 {
            let evidence = format!(
                "{told}; the first is not shown to be above 0, so that there is \
                                    nothing to lose"
            );
            return Ok(Judgement::new(Verdict::Inconclusive, evidence));
        }
        let lost = 100.0 * (1.0 - after.mean / before.mean);
        let evidence = format!(
            "{told}: {lost:.0} % lost; against a loss of {:.0} % {}",
            100.0 * share,
            compared(metric, &difference)
        );
        let more = difference.mean < 0.0;
        let verdict = match (difference.p < ALPHA, more == (loss == Loss::More)) {
            (true, true) => Verdict::Reproduced,
            (true, false) => Verdict::Contradicted,
            (false, _) => Verdict::Inconclusive,
        };
        Ok(Judgement::new(verdict, evidence))
    }
}
