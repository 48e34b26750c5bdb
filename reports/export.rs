//! Every number as CSV, in an order that depends on nothing but the numbers' names.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::rows::Results;
use crate::stats::same;

/// `results.csv`: one line per observation, with its metric's version and unit.
pub(crate) fn results(results: &Results) -> String {
    let mut header = head(results);
    header.extend(
        ["seed", "metric", "metric_version", "identity", "value", "unit", "provenance"]
            .map(str::to_owned),
    );
    let order = |name: &str| results.metrics.iter().position(|metric| metric.name == name);
    let mut rows: Vec<_> = results.observations.iter().collect();
    rows.sort_by(|a, b| {
        compare(results, &a.settings, &b.settings)
            .then_with(|| a.seed.cmp(&b.seed))
            .then_with(|| order(&a.metric).cmp(&order(&b.metric)))
            .then_with(|| a.metric.cmp(&b.metric))
            .then_with(|| a.identity.cmp(&b.identity))
            .then_with(|| a.value.total_cmp(&b.value))
    });
    let mut lines = vec![header];
    for row in rows {
        let metric = order(&row.metric).map(|place| &results.metrics[place]);
        let mut line = start(results, &row.settings);
        line.extend([
            row.seed.to_string(),
            row.metric.clone(),
            metric.map_or_else(String::new, |metric| metric.version.to_string()),
            row.identity.clone().unwrap_or_default(),
            row.value.to_string(),
            metric.map_or_else(String::new, |metric| metric.unit.clone()),
            "measured".to_owned(),
        ]);
        lines.push(line);
    }
    csv(lines)
}

/// `costs.csv`: one line per trial and cost.
pub(crate) fn costs(results: &Results) -> String {
    let mut header = head(results);
    header.extend(["seed", "cost", "value", "unit", "provenance"].map(str::to_owned));
    let order = |name: &str| results.metrics.iter().position(|metric| metric.name == name);
    let mut rows: Vec<_> = results.costs.iter().collect();
    rows.sort_by(|a, b| {
        compare(results, &a.settings, &b.settings)
            .then_with(|| a.seed.cmp(&b.seed))
            .then_with(|| order(&a.metric).cmp(&order(&b.metric)))
    });
    let mut lines = vec![header];
    for row in rows {
        let unit = order(&row.metric).map(|place| results.metrics[place].unit.clone());
        let mut line = start(results, &row.settings);
        line.extend([row.seed.to_string(), row.metric.clone(), row.value.to_string()]);
        line.extend([unit.unwrap_or_default(), "measured".to_owned()]);
        lines.push(line);
    }
    csv(lines)
}

/// `curves.csv`: one line per point of a training curve.
pub(crate) fn curves(results: &Results) -> String {
    let mut header = head(results);
    header.extend(["seed", "curve", "step", "value", "provenance"].map(str::to_owned));
    let mut points: Vec<_> = results.curves.iter().collect();
    points.sort_by(|a, b| {
        compare(results, &a.settings, &b.settings)
            .then_with(|| a.seed.cmp(&b.seed))
            .then_with(|| a.curve.cmp(&b.curve))
            .then_with(|| a.step.cmp(&b.step))
    });
    let mut lines = vec![header];
    for point in points {
        let mut line = start(results, &point.settings);
        line.extend([
            point.seed.to_string(),
            point.curve.clone(),
            point.step.to_string(),
            point.value.to_string(),
            "measured".to_owned(),
        ]);
        lines.push(line);
    }
    csv(lines)
}

/// CSV text of lines of cells, quoted where needed.
pub(crate) fn csv<L: AsRef<[String]>>(lines: Vec<L>) -> String {
    let mut text = String::new();
    for line in lines {
        for (place, cell) in line.as_ref().iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            if cell.contains([',', '"', '\n', '\r']) {
                text.push('"');
                text.push_str(&cell.replace('"', "\"\""));
                text.push('"');
            } else {
                text.push_str(cell);
            }
        }
        text.push('\n');
    }
    text
}

fn head(results: &Results) -> Vec<String> {
    let fixed = ["experiment", "scale"].map(str::to_owned);
    fixed.into_iter().chain(results.varied.iter().map(|(name, _)| name.clone())).collect()
}

fn start(results: &Results, settings: &BTreeMap<String, Value>) -> Vec<String> {
    let own = |(name, _): &(String, Vec<Value>)| settings.get(name).map_or_else(String::new, plain);
    let fixed = [results.experiment.clone(), results.scale.clone()];
    fixed.into_iter().chain(results.varied.iter().map(own)).collect()
}

/// A setting without quotes: machines read this file, so no typography either.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Order of declaration.
fn compare(
    results: &Results,
    a: &BTreeMap<String, Value>,
    b: &BTreeMap<String, Value>,
) -> Ordering {
    for (name, values) in &results.varied {
        let place = |settings: &BTreeMap<String, Value>| {
            let own = settings.get(name)?;
            values.iter().position(|value| same(value, own))
        };
        let order = place(a).cmp(&place(b));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rows::{CurvePoint, Observation};

    fn sample() -> Results {
        let settings = |elements: u64| BTreeMap::from([("elements".to_owned(), json!(elements))]);
        let row = |elements, identity: Option<&str>, value| Observation {
            settings: settings(elements),
            seed: 7,
            metric: "top1".into(),
            identity: identity.map(Into::into),
            value,
        };
        Results {
            experiment: "sizes, small".into(),
            scale: "tiny".into(),
            varied: vec![("elements".into(), vec![json!(4096), json!(1024)])],
            observations: vec![
                row(1024, None, 0.1 + 0.2),
                row(4096, Some("p02"), 1e-7),
                row(4096, Some("p01"), 1.0),
            ],
            curves: vec![CurvePoint {
                settings: settings(1024),
                seed: 7,
                curve: "loss".into(),
                step: 1,
                value: 6.93,
            }],
            ..Results::default()
        }
    }

    #[test]
    fn rows_are_in_declared_order_and_numbers_exact() {
        assert_eq!(
            results(&sample()),
            "experiment,scale,elements,seed,metric,metric_version,identity,value,unit,provenance\n\
             \"sizes, small\",tiny,4096,7,top1,,p01,1,,measured\n\
             \"sizes, small\",tiny,4096,7,top1,,p02,0.0000001,,measured\n\
             \"sizes, small\",tiny,1024,7,top1,,,0.30000000000000004,,measured\n"
        );
    }

    #[test]
    fn curves_name_their_step() {
        assert_eq!(
            curves(&sample()),
            "experiment,scale,elements,seed,curve,step,value,provenance\n\
             \"sizes, small\",tiny,1024,7,loss,1,6.93,measured\n"
        );
    }
}
