//! `Results`: what was measured so far, as scripts read it.

use std::{collections::BTreeMap, sync::Arc};

use ffrun_reports::{
    rows::{self, Metric},
    sheet::Item,
    stats::Frame,
};
use rhai::{Dynamic, Map};
use serde_json::Value;

use crate::script::{
    complaint::Complaint,
    convert::{from_json, to_json, type_name},
    host::Host,
    suggest::did_you_mean_or_list,
};

/// One value of every varied setting.
pub(super) type Point = BTreeMap<String, Value>;

/// The rows of an experiment with their statistics.
#[derive(Clone)]
pub(super) struct Results {
    pub(super) rows: Arc<rows::Results>,
    pub(super) frame: Arc<Frame>,
    /// Whether the rows are others than the experiment's.
    pub(super) derived: bool,
    pub(super) host: Host,
}

/// The argument of `report` and `claims`.
pub(in crate::script) fn handle(host: &Host, rows: &rows::Results) -> Dynamic {
    let frame = Arc::new(Frame::new(rows));
    let rows = Arc::new(rows.clone());
    Dynamic::from(Results { rows, frame, derived: false, host: host.clone() })
}

impl Results {
    /// `results.name`, `.scale`, `.planned`, `.finished`.
    pub(super) fn property(&self, name: &str) -> Result<Dynamic, Complaint> {
        const KNOWN: [&str; 4] = ["name", "scale", "planned", "finished"];
        match name {
            "name" => Ok(self.rows.experiment.as_str().into()),
            "scale" => Ok(self.rows.scale.as_str().into()),
            "planned" => Ok(Dynamic::from_int(self.rows.planned as i64)),
            "finished" => Ok(Dynamic::from_int(self.rows.finished as i64)),
            _ => Err(Complaint::new("name", format!("results have no property `{name}`"))
                .maybe_hint(did_you_mean_or_list(name, KNOWN))),
        }
    }

    /// A table or a chart of these rows.
    pub(super) fn item(&self, item: Item) -> Item {
        if !self.derived {
            return item;
        }
        Item::Own(Box::new(rows::Results::clone(&self.rows)), Box::new(item))
    }

    /// A declared metric.
    pub(super) fn metric(&self, name: &str) -> Result<&Metric, Complaint> {
        self.rows.metrics.iter().find(|metric| metric.name == name).ok_or_else(|| {
            let known = self.rows.metrics.iter().map(|metric| metric.name.as_str());
            Complaint::new("setting", format!("`{name}` is no metric of this experiment"))
                .maybe_hint(did_you_mean_or_list(name, known))
                .at(name)
        })
    }

    /// A varied setting and its values.
    pub(super) fn varied(&self, name: &str) -> Result<&[Value], Complaint> {
        let found = self.rows.varied.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values.as_slice()).ok_or_else(|| {
            let known = self.rows.varied.iter().map(|(known, _)| known.as_str());
            Complaint::new("setting", format!("`{name}` is not varied in this experiment"))
                .maybe_hint(did_you_mean_or_list(name, known))
                .at(name)
        })
    }

    /// A varied setting's value as it was declared (`1` finds `1.0`).
    pub(super) fn value(&self, name: &str, value: &Dynamic) -> Result<Value, Complaint> {
        let values = self.varied(name)?;
        let wanted = to_json(value).map_err(|got| {
            Complaint::new("setting", format!("`{name}` cannot be {got}")).at(name)
        })?;
        if let Some(known) = values.iter().find(|known| same(known, &wanted)) {
            return Ok(known.clone());
        }
        // Declared, but left out by `-P`: a point without numbers, and no slip of the pen.
        let state = self.host.state();
        let declared = state.declaration.iter().flat_map(|declared| &declared.declared);
        let mut declared = declared.filter(|(known, _)| known == name).flat_map(|(_, all)| all);
        declared.find(|known| same(known, &wanted)).cloned().ok_or_else(|| {
            let known: Vec<String> = values.iter().map(Value::to_string).collect();
            Complaint::new("setting", format!("`{name}` is never {wanted} in this experiment"))
                .hint(format!("its values: {}", known.join(", ")))
                .at(name)
        })
    }

    /// The point that a map names; every varied setting must be in it.
    pub(super) fn point(&self, map: &Map) -> Result<Point, Complaint> {
        if let Some(name) = map.keys().find(|name| self.varied(name).is_err()) {
            self.varied(name)?;
        }
        let mut point = Point::new();
        for (name, _) in &self.rows.varied {
            let value = map.get(name.as_str()).ok_or_else(|| {
                Complaint::new("setting", format!("the point does not say `{name}`"))
                    .hint("a point gives a value to every varied setting")
            })?;
            point.insert(name.clone(), self.value(name, value)?);
        }
        Ok(point)
    }

    /// Mean of a metric at a point over people and seeds; NaN while it is not measured.
    pub(super) fn mean(&self, metric: &str, map: &Map) -> Result<f64, Complaint> {
        let metric = self.metric(metric)?;
        let point = self.point(map)?;
        let estimate = self.frame.estimate(&metric.name, &point);
        Ok(self.measured(estimate.map(|estimate| estimate.mean)))
    }

    /// The point with the best mean; every setting `()` while nothing is measured.
    pub(super) fn best(&self, metric: &str) -> Result<Map, Complaint> {
        let metric = self.metric(metric)?;
        let names = self.rows.varied.iter().map(|(name, _)| name);
        let best = self.frame.best(&metric.name);
        if best.is_none() {
            self.host.state().unmeasured = true;
        }
        let best = best.unwrap_or_default();
        Ok(names
            .map(|name| (name.as_str().into(), best.get(name).map_or(Dynamic::UNIT, from_json)))
            .collect())
    }

    /// Last value of a training curve at a point, mean over seeds; NaN while there is none.
    pub(super) fn curve_end(&self, curve: &str, map: &Map) -> Result<f64, Complaint> {
        let ends = self.curve_ends(curve, &self.point(map)?)?;
        let mean = ends.iter().sum::<f64>() / ends.len() as f64;
        Ok(self.measured((!ends.is_empty()).then_some(mean)))
    }

    /// Last value of a training curve at a point for each seed.
    pub(super) fn curve_ends(&self, curve: &str, point: &Point) -> Result<Vec<f64>, Complaint> {
        let mut ends: BTreeMap<u64, (u64, f64)> = BTreeMap::new();
        let mine = |row: &&rows::CurvePoint| row.curve == curve && same_point(&row.settings, point);
        for row in self.rows.curves.iter().filter(mine) {
            let end = ends.entry(row.seed).or_insert((row.step, row.value));
            if row.step >= end.0 {
                *end = (row.step, row.value);
            }
        }
        if ends.is_empty() && !self.rows.curves.is_empty() {
            self.known_curve(curve)?;
        }
        Ok(ends.into_values().map(|(_, value)| value).collect())
    }

    /// The number, or NaN and a mark that claims by comparison say nothing.
    fn measured(&self, number: Option<f64>) -> f64 {
        number.unwrap_or_else(|| {
            self.host.state().unmeasured = true;
            f64::NAN
        })
    }

    fn known_curve(&self, curve: &str) -> Result<(), Complaint> {
        let known: std::collections::BTreeSet<&str> =
            self.rows.curves.iter().map(|row| row.curve.as_str()).collect();
        if known.contains(curve) {
            return Ok(());
        }
        Err(Complaint::new("setting", format!("no training has a curve `{curve}`"))
            .maybe_hint(did_you_mean_or_list(curve, known.iter().copied()))
            .at(curve))
    }
}

/// Equal values, a whole number being equal to the same number with a point.
fn same(left: &Value, right: &Value) -> bool {
    left == right
        || matches!((left.as_f64(), right.as_f64()), (Some(a), Some(b)) if a.total_cmp(&b).is_eq())
}

fn same_point(left: &Point, right: &Point) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|((a, x), (b, y))| a == b && same(x, y))
}

/// Names out of a string or an array of strings.
pub(super) fn names(value: &Dynamic, what: &str) -> Result<Vec<String>, Complaint> {
    let wrong = || {
        let got = type_name(value);
        Complaint::new("type", format!("{what} takes a name or an array of names, not {got}"))
    };
    if let Ok(name) = value.clone().into_string() {
        return Ok(vec![name]);
    }
    let items = value.read_lock::<rhai::Array>().ok_or_else(wrong)?;
    items.iter().map(|item| item.clone().into_string().map_err(|_| wrong())).collect()
}
