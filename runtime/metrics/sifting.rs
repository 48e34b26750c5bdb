//! How right a filter is about which clips to keep.

/// A clip's measure, and whether it should be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sifted {
    /// What the filter measures; clips above its threshold are kept.
    pub value: f64,
    /// Whether the clip is one of those looked for.
    pub qualifies: bool,
}

/// Shares of right and wrong decisions over some clips; `None` where there is nothing to share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Share of the kept clips that qualify.
    pub precision: Option<f64>,
    /// Share of the clips that qualify that are kept.
    pub recall: Option<f64>,
    /// Mean of the recall and of the share of the other clips that are dropped.
    pub balanced: Option<f64>,
}

impl Rates {
    /// Of keeping what is above a threshold.
    pub fn new(clips: &[Sifted], threshold: f64) -> Self {
        let count = |kept: bool, qualifies: bool| {
            let same =
                |clip: &&Sifted| (clip.value > threshold, clip.qualifies) == (kept, qualifies);
            clips.iter().filter(same).count() as f64
        };
        let share = |part: f64, rest: f64| (part + rest > 0.0).then(|| part / (part + rest));
        let recall = share(count(true, true), count(false, true));
        let dropped = share(count(false, false), count(true, false));
        Self {
            precision: share(count(true, true), count(true, false)),
            recall,
            balanced: recall.zip(dropped).map(|(a, b)| f64::midpoint(a, b)),
        }
    }
}

/// The threshold with the largest balanced share of right decisions on labelled clips, in the middle
/// between two of their values; the lowest of equals. `None` without clips of both kinds.
pub fn calibrated(clips: &[Sifted]) -> Option<f64> {
    let mut sorted = clips.to_vec();
    sorted.sort_by(|a, b| a.value.total_cmp(&b.value));
    let right = sorted.iter().filter(|clip| clip.qualifies).count() as f64;
    let wrong = sorted.len() as f64 - right;
    if right == 0.0 || wrong == 0.0 {
        return None;
    }
    // Everything is kept at first; the threshold rises past one clip after the other.
    let (mut lost, mut dropped) = (0.0, 0.0);
    let mut best = (f64::NEG_INFINITY, f64::NAN);
    for pair in sorted.windows(2) {
        *if pair[0].qualifies { &mut lost } else { &mut dropped } += 1.0;
        let balanced = (1.0 - lost / right) + dropped / wrong;
        if pair[1].value > pair[0].value && balanced > best.0 {
            best = (balanced, f64::midpoint(pair[0].value, pair[1].value));
        }
    }
    best.1.is_finite().then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::{Rates, Sifted, calibrated};

    fn clips(values: &[(f64, bool)]) -> Vec<Sifted> {
        values.iter().map(|&(value, qualifies)| Sifted { value, qualifies }).collect()
    }

    #[test]
    fn rates_are_shares_of_what_was_kept_and_of_what_there_is() {
        let clips = clips(&[(1.0, false), (2.0, true), (3.0, false), (4.0, true), (5.0, true)]);
        let rates = Rates::new(&clips, 2.5);
        assert_eq!((rates.precision, rates.recall), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
        assert!((rates.balanced.unwrap() - f64::midpoint(2.0 / 3.0, 0.5)).abs() < 1e-12);
        assert_eq!(Rates::new(&clips, 9.0).precision, None);
    }

    #[test]
    fn the_threshold_lies_where_most_decisions_are_right() {
        let apart = clips(&[(10.0, false), (20.0, false), (60.0, true), (80.0, true)]);
        assert_eq!(calibrated(&apart), Some(40.0));
        // One still profile of 300°: no threshold is right about everything.
        let fooled = clips(&[(10.0, false), (60.0, true), (80.0, true), (300.0, false)]);
        assert_eq!(calibrated(&fooled), Some(35.0));
        assert_eq!(calibrated(&clips(&[(1.0, true)])), None);
        assert_eq!(calibrated(&clips(&[(1.0, true), (1.0, false)])), None);
    }
}
