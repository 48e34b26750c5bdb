//! The mean of numbers of frames, and how sure one can be of it when people are what is sampled.

use std::collections::BTreeMap;

use ffrun_reports::rows::{Observation, Results};
use ffrun_reports::stats::Frame;
use serde::{Deserialize, Serialize};

/// A mean over people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clustered {
    /// Mean over people of the mean over a person's numbers.
    pub mean: f64,
    /// Lower end of the 95 % interval for new people; `NaN` with one person.
    pub low: f64,
    /// Upper end of the same.
    pub high: f64,
    /// Numbers behind it.
    pub count: usize,
    /// People behind it.
    pub identities: usize,
}

/// The mean of numbers that belong to people; `None` of nothing. Frames of one person are alike:
/// an interval that took them for independent would be far too narrow. `name` fixes the resampling.
pub fn clustered(name: &str, numbers: &[(&str, f64)]) -> Option<Clustered> {
    let mut people: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    for (identity, value) in numbers {
        let person = people.entry(identity).or_default();
        *person = (person.0 + value, person.1 + 1);
    }
    let observations = people.iter().map(|(identity, (sum, count))| Observation {
        settings: BTreeMap::new(),
        seed: 0,
        metric: name.to_owned(),
        identity: Some((*identity).to_owned()),
        value: sum / f64::from(*count),
    });
    let results = Results { observations: observations.collect(), ..Results::default() };
    let found = Frame::new(&results).estimate(name, &BTreeMap::new())?;
    Some(Clustered {
        mean: found.mean,
        low: found.low,
        high: found.high,
        count: numbers.len(),
        identities: found.identities,
    })
}

#[cfg(test)]
mod tests {
    use super::clustered;

    #[test]
    fn people_count_alike_however_many_frames_they_have() {
        let numbers = [("ann", 1.0), ("ann", 3.0), ("ann", 2.0), ("bob", 4.0)];
        let found = clustered("test", &numbers).unwrap();
        assert_eq!((found.mean, found.count, found.identities), (3.0, 4, 2));
        assert!(found.low < 3.0 && found.high > 3.0, "{found:?}");
        assert!(clustered("test", &numbers[..3]).unwrap().low.is_nan());
        assert_eq!(clustered("test", &[]), None);
    }

    #[test]
    fn repeating_frames_makes_nobody_surer() {
        let people = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let once: Vec<(&str, f64)> =
            people.into_iter().zip([1., 4., 2., 8., 5., 7., 3., 6.]).collect();
        let often: Vec<(&str, f64)> = (0..50).flat_map(|_| once.clone()).collect();
        let (once, often) = (clustered("t", &once).unwrap(), clustered("t", &often).unwrap());
        assert!((once.low - often.low).abs() < 1e-9 && (once.high - often.high).abs() < 1e-9);
    }
}
