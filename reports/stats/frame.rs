//! Results, arranged for questions: which cells exist, what each measures, which differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::crossed::{Crossed, Spread};
use super::means::{Means, about_people, complete, mean_of, paired};
use super::power;
use crate::rows::{Direction, Metric, Observation, Results};

/// Varied setting → value. A map with fewer settings than the experiment varies means all cells
/// that agree with it, averaged.
pub type Settings = BTreeMap<String, Value>;

/// What the numbers of one cell say about one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean over identities and seeds, in the metric's unit.
    pub mean: f64,
    /// Lower end of the 95 % interval; `NaN` where one number says nothing about spread.
    pub low: f64,
    /// Upper end of the 95 % interval; `NaN` where one number says nothing about spread.
    pub high: f64,
    /// People behind the mean; 0 for a number about the whole model.
    pub identities: usize,
    /// Training seeds behind the mean. With one seed the interval speaks of people only.
    pub seeds: usize,
}

impl Estimate {
    /// Ends of the 95 % interval, where there is one.
    pub fn interval(&self) -> Option<(f64, f64)> {
        (!self.low.is_nan()).then_some((self.low, self.high))
    }
}

/// A paired comparison of two cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean of first minus second over the people and seeds that both have.
    pub mean: f64,
    /// Lower end of the 95 % interval; `NaN` without spread.
    pub low: f64,
    /// Upper end of the 95 % interval; `NaN` without spread.
    pub high: f64,
    /// Two-sided p-value, unadjusted; `NaN` where no test is possible (one seed, no people).
    pub p: f64,
    /// Smallest true difference that this design finds with 80 % power; `NaN` without spread.
    pub detectable: f64,
}

/// Numbers of one cell for one metric: seed → identity → (sum, count).
type Numbers = BTreeMap<u64, BTreeMap<Option<String>, (f64, u32)>>;

/// Results arranged by cell and metric.
#[derive(Clone, Debug)]
pub struct Frame {
    cells: Vec<Settings>,
    metrics: Vec<Metric>,
    numbers: Vec<BTreeMap<String, Numbers>>,
    seeds_planned: usize,
}

impl Frame {
    /// Arranges results. Numbers that are not finite are left out: they are failures, not values.
    /// So are cells that the experiment varies no more; without declared settings all cells count.
    pub fn new(results: &Results) -> Self {
        let mut cells = declared_cells(&results.varied);
        let mut index: BTreeMap<String, usize> =
            cells.iter().enumerate().map(|(i, cell)| (canonical(cell), i)).collect();
        let seeds_planned = results.planned.checked_div(cells.len()).unwrap_or(0);
        let mut numbers: Vec<BTreeMap<String, Numbers>> = vec![BTreeMap::new(); cells.len()];
        let declared = !results.varied.is_empty();
        let mut last: Option<(&Settings, usize)> = None;
        let all = results.observations.iter().chain(&results.costs);
        for row in all.filter(|row| row.value.is_finite()) {
            let known = match last {
                Some((settings, cell)) if *settings == row.settings => Some(cell),
                _ => index.get(&canonical(&row.settings)).copied(),
            };
            let cell = match known {
                Some(cell) => cell,
                None if declared => continue,
                None => {
                    index.insert(canonical(&row.settings), cells.len());
                    cells.push(row.settings.clone());
                    numbers.push(BTreeMap::new());
                    cells.len() - 1
                }
            };
            last = Some((&row.settings, cell));
            add(&mut numbers[cell], row);
        }
        Self { cells, metrics: results.metrics.clone(), numbers, seeds_planned }
    }

    /// Cells in declared order, the first setting slowest.
    pub fn cells(&self) -> Vec<Settings> {
        self.cells.clone()
    }

    /// Seeds that each cell will have when the experiment is complete.
    pub fn seeds_planned(&self) -> usize {
        self.seeds_planned
    }

    /// Seeds that have been measured, by whatever metric, in every cell that agrees with `settings`.
    pub fn seeds_measured(&self, settings: &Settings) -> usize {
        let agreeing = self.cells.iter().zip(&self.numbers);
        let agreeing = agreeing.filter(|(cell, _)| agrees(cell, settings));
        let seeds = |numbers: &BTreeMap<String, Numbers>| {
            numbers.values().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>().len()
        };
        agreeing.map(|(_, numbers)| seeds(numbers)).min().unwrap_or(0)
    }

    /// Mean and 95 % interval; `None` while some cell of `settings` has no number.
    pub fn estimate(&self, metric: &str, settings: &Settings) -> Option<Estimate> {
        let numbers = self.select(metric, settings)?;
        let table = Crossed::new(&complete(&numbers))?;
        let (low, high) = table.interval(metric);
        Some(Estimate {
            mean: table.mean,
            low,
            high,
            identities: if about_people(&numbers) { table.identities() } else { 0 },
            seeds: table.seeds(),
        })
    }

    /// First minus second, paired over the people (and seeds) that both have.
    pub fn difference(&self, metric: &str, a: &Settings, b: &Settings) -> Option<Difference> {
        self.difference_to_share(metric, a, (b, 1.0))
    }

    /// First minus a share of the second, paired over the people (and seeds) that both have.
    pub fn difference_to_share(
        &self,
        metric: &str,
        a: &Settings,
        (b, share): (&Settings, f64),
    ) -> Option<Difference> {
        let a = self.select(metric, a)?;
        let mut b = self.select(metric, b)?;
        b.values_mut().flat_map(BTreeMap::values_mut).for_each(|value| *value *= share);
        let table = Crossed::new(&complete(&paired(&a, &b)))?;
        let name = format!("{metric}/difference");
        let (low, high) = table.interval(&name);
        let see = |spread: Spread| power::detectable(spread.error, spread.freedom);
        let detectable = table.spread().map_or(f64::NAN, see);
        Some(Difference { mean: table.mean, low, high, p: table.p(&name), detectable })
    }

    /// The cell with the best mean, first of equals; `None` for a metric without a direction.
    pub fn best(&self, metric: &str) -> Option<Settings> {
        let place = self.best_of(metric, &self.cells)?;
        Some(self.cells[place].clone())
    }

    /// Index of the best of some cells, as [`Frame::best`].
    pub fn best_of(&self, metric: &str, cells: &[Settings]) -> Option<usize> {
        let sign = match self.metric(metric)?.direction {
            Direction::Higher => 1.0,
            Direction::Lower => -1.0,
            Direction::Neutral => return None,
        };
        let mut best: Option<(usize, f64)> = None;
        for (place, cell) in cells.iter().enumerate() {
            let Some(score) = self.mean(metric, cell).map(|mean| sign * mean) else { continue };
            if best.is_none_or(|(_, leader)| score > leader) {
                best = Some((place, score));
            }
        }
        best.map(|(place, _)| place)
    }

    /// The mean alone, without the work of an interval.
    pub fn mean(&self, metric: &str, settings: &Settings) -> Option<f64> {
        Some(Crossed::new(&complete(&self.select(metric, settings)?))?.mean)
    }

    /// Declaration of a metric.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// Numbers of all cells that agree with `settings`, averaged where every one has a number.
    fn select(&self, metric: &str, settings: &Settings) -> Option<Means<'_>> {
        let mut chosen = Vec::new();
        for (cell, numbers) in self.cells.iter().zip(&self.numbers) {
            if agrees(cell, settings) {
                chosen.push(numbers.get(metric)?);
            }
        }
        let (first, others) = chosen.split_first()?;
        let mut means = Means::new();
        for (seed, people) in *first {
            for (identity, number) in people {
                let mut sum = mean_of(*number);
                let found = others.iter().all(|other| {
                    let number = other.get(seed).and_then(|people| people.get(identity));
                    sum += number.copied().map_or(0.0, mean_of);
                    number.is_some()
                });
                if found {
                    let mean = sum / chosen.len() as f64;
                    means.entry(*seed).or_default().insert(identity.as_deref(), mean);
                }
            }
        }
        (!means.is_empty()).then_some(means)
    }
}

fn add(by_metric: &mut BTreeMap<String, Numbers>, row: &Observation) {
    let number = by_metric
        .entry(row.metric.clone())
        .or_default()
        .entry(row.seed)
        .or_default()
        .entry(row.identity.clone())
        .or_insert((0.0, 0));
    *number = (number.0 + row.value, number.1 + 1);
}

/// Cross product of the varied settings.
fn declared_cells(varied: &[(String, Vec<Value>)]) -> Vec<Settings> {
    let mut cells = vec![Settings::new()];
    for (name, values) in varied {
        let extend = |cell: &Settings| {
            let with = |value: &Value| {
                let mut cell = cell.clone();
                cell.insert(name.clone(), value.clone());
                cell
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        cells = cells.iter().flat_map(extend).collect();
    }
    cells
}

fn agrees(cell: &Settings, settings: &Settings) -> bool {
    settings.iter().all(|(name, value)| cell.get(name).is_some_and(|own| same(own, value)))
}

/// Equality in which 4096 and 4096.0 are one value: scripts may write either.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

fn canonical(settings: &Settings) -> String {
    let one = |(name, value): (&String, &Value)| match value.as_f64() {
        Some(number) => format!("{name}={number};"),
        None => format!("{name}={value};"),
    };
    settings.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metric(name: &str, direction: Direction) -> Metric {
        Metric {
            name: name.into(),
            label: name.into(),
            unit: String::new(),
            direction,
            definition: String::new(),
            source: String::new(),
            version: 1,
            digits: 3,
        }
    }

    fn at(elements: u64) -> Settings {
        BTreeMap::from([("elements".to_owned(), json!(elements))])
    }

    fn row(elements: u64, seed: u64, name: &str, who: Option<&str>, value: f64) -> Observation {
        Observation {
            settings: at(elements),
            seed,
            metric: name.into(),
            identity: who.map(Into::into),
            value,
        }
    }

    fn results() -> Results {
        let mut observations = Vec::new();
        for seed in 0..3 {
            for (who, base) in [("ann", 0.5), ("bob", 0.7), ("eve", 0.6)] {
                observations.push(row(1024, seed, "top1", Some(who), base));
                observations.push(row(4096, seed, "top1", Some(who), base + 0.1));
            }
            observations.push(row(1024, seed, "loss", None, 1.0 + seed as f64));
        }
        Results {
            varied: vec![("elements".into(), vec![json!(1024), json!(4096), json!(8192)])],
            metrics: vec![metric("top1", Direction::Higher), metric("loss", Direction::Lower)],
            observations,
            planned: 9,
            ..Results::default()
        }
    }

    #[test]
    fn estimates_count_people_and_seeds() {
        let frame = Frame::new(&results());
        let estimate = frame.estimate("top1", &at(1024)).unwrap();
        assert!((estimate.mean - 0.6).abs() < 1e-12);
        assert_eq!((estimate.identities, estimate.seeds), (3, 3));
        assert!(estimate.low < 0.6 && estimate.high > 0.6);
        let loss = frame.estimate("loss", &at(1024)).unwrap();
        assert_eq!((loss.identities, loss.seeds), (0, 3));
        // Student's t on 2 degrees of freedom: 2 ± 4.302653 · 1/√3.
        assert!((loss.low - (2.0 - 4.302_652_73 / 3_f64.sqrt())).abs() < 1e-6, "{loss:?}");
        assert_eq!(frame.estimate("top1", &at(8192)), None);
        assert_eq!(frame.seeds_planned(), 3);
    }

    #[test]
    fn pairing_removes_what_people_differ_by() {
        let frame = Frame::new(&results());
        let difference = frame.difference("top1", &at(4096), &at(1024)).unwrap();
        assert!((difference.mean - 0.1).abs() < 1e-12);
        assert!((difference.high - difference.low).abs() < 1e-9, "{difference:?}");
    }

    #[test]
    fn the_best_follows_the_direction() {
        let frame = Frame::new(&results());
        assert_eq!(frame.best("top1"), Some(at(4096)));
        assert_eq!(frame.best("loss"), Some(at(1024)));
        assert_eq!(frame.best("unknown"), None);
    }

    #[test]
    fn whole_numbers_are_one_value_however_written() {
        let frame = Frame::new(&results());
        let written = BTreeMap::from([("elements".to_owned(), json!(1024.0))]);
        assert_eq!(frame.mean("top1", &written), frame.mean("top1", &at(1024)));
    }

    #[test]
    fn one_seed_and_no_people_leave_no_interval() {
        let mut results = results();
        results.observations.retain(|row| row.seed == 0);
        let frame = Frame::new(&results);
        let loss = frame.estimate("loss", &at(1024)).unwrap();
        assert_eq!(loss.interval(), None);
        assert!(frame.estimate("top1", &at(1024)).unwrap().interval().is_some());
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let mut turned = results();
        turned.observations.reverse();
        let (frame, turned) = (Frame::new(&results()), Frame::new(&turned));
        assert_eq!(frame.estimate("top1", &at(4096)), turned.estimate("top1", &at(4096)));
    }
}
