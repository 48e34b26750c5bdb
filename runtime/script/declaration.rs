//! `declare(#{ … })`: what an experiment asks, varies and measures.

use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Map};
use serde_json::Value;

use super::{
    complaint::Complaint,
    convert::{to_json, type_name},
    host::Host,
    suggest::did_you_mean_or_list,
};
use ffrun_reports::rows::Metric;

/// Settings of `declare`, in the order of the manual.
const KEYS: [&str; 6] = ["name", "asks", "vary", "seeds", "metrics", "alone"];

/// The most trials a script may declare.
const MOST_TRIALS: usize = 100_000;

/// What `declare` was told, with the overrides of the command line in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) asks: String,
    /// Varied settings and their values after `-P`.
    pub(super) vary: Vec<(String, Vec<Value>)>,
    /// The same before `-P`.
    pub(super) declared: Vec<(String, Vec<Value>)>,
    pub(super) seeds: u64,
    pub(super) metrics: Vec<Metric>,
    /// Run only when named: a folder of experiments leaves it out.
    pub(super) alone: bool,
}

impl Declaration {
    /// Reads the map of `declare`.
    pub(super) fn read(host: &Host, map: &Map) -> Result<Self, Complaint> {
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(Complaint::new("setting", format!("unknown setting `{key}` of `declare`"))
                .maybe_hint(did_you_mean_or_list(key, KEYS))
                .at(key));
        }
        let name = text(map, "name")?;
        check_name(&name)?;
        let declared = vary(map.get("vary"))?;
        let overridden = declared.iter().map(|(name, values)| {
            (name.clone(), host.overrides(name).unwrap_or_else(|| values.clone()))
        });
        let declaration = Self {
            name,
            asks: text(map, "asks")?,
            vary: overridden.collect(),
            declared: declared.clone(),
            seeds: seeds(host, map.get("seeds"))?,
            metrics: metrics(host, map.get("metrics"))?,
            alone: alone(map.get("alone"))?,
        };
        declaration.check_size()?;
        Ok(declaration)
    }

    /// Every point of the cross product of the varied settings, the last setting fastest.
    pub(super) fn points(&self) -> Vec<Vec<(String, Value)>> {
        let mut points = vec![Vec::new()];
        for (name, values) in &self.vary {
            points = points
                .iter()
                .flat_map(|point: &Vec<(String, Value)>| {
                    values.iter().map(|value| {
                        let mut longer = point.clone();
                        longer.push((name.clone(), value.clone()));
                        longer
                    })
                })
                .collect();
        }
        points
    }

    fn check_size(&self) -> Result<(), Complaint> {
        let counts = self.vary.iter().map(|(_, values)| values.len());
        let trials = counts.fold(self.seeds as usize, usize::saturating_mul);
        if trials <= MOST_TRIALS {
            return Ok(());
        }
        let message = format!("{trials} trials are declared, the most are {MOST_TRIALS}");
        Err(Complaint::new("setting", message).hint("vary fewer settings at a time").at("vary"))
    }
}

fn missing(name: &str) -> Complaint {
    Complaint::new("setting", format!("`declare` was not given `{name}`"))
        .hint("declare(#{ name: \"…\", asks: \"…?\", vary: #{ … }, seeds: 3, metrics: [ … ] })")
}

fn wrong(name: &str, wanted: &str, got: &Dynamic) -> Complaint {
    let got = type_name(got);
    Complaint::new("setting", format!("`{name}` of `declare` is {wanted}, not {got}")).at(name)
}

fn text(map: &Map, name: &str) -> Result<String, Complaint> {
    let value = map.get(name).ok_or_else(|| missing(name))?;
    value.clone().into_string().map_err(|_| wrong(name, "a string", value))
}

/// The name becomes a folder, so it is kept plain.
fn check_name(name: &str) -> Result<(), Complaint> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        return Ok(());
    }
    let message =
        format!("`{name}` cannot name an experiment: results go to a folder of that name");
    Err(Complaint::new("setting", message)
        .hint("use lower-case letters, digits, `_` and `-`, at most 64")
        .at("name"))
}

/// The varied settings: a map (alphabetical order), or an array of maps for an order of one's own.
fn vary(value: Option<&Dynamic>) -> Result<Vec<(String, Vec<Value>)>, Complaint> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let form = "a map of arrays, as in #{ elements: [1024, 4096] }";
    let maps: Vec<Map> = if let Some(map) = value.read_lock::<Map>() {
        vec![map.clone()]
    } else if let Some(items) = value.read_lock::<Array>() {
        let maps = items.iter().map(|item| item.clone().try_cast::<Map>());
        maps.collect::<Option<_>>().ok_or_else(|| wrong("vary", form, value))?
    } else {
        return Err(wrong("vary", form, value));
    };
    let mut settings: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, values) in maps.iter().flatten() {
        if name == "seed" || settings.iter().any(|(known, _)| known == name.as_str()) {
            let message = format!("`{name}` cannot be varied twice, and `seed` varies by itself");
            return Err(Complaint::new("setting", message).at(name));
        }
        settings.push((name.to_string(), values_of(name, values)?));
    }
    Ok(settings)
}

fn values_of(name: &str, values: &Dynamic) -> Result<Vec<Value>, Complaint> {
    let wrong = || {
        let message = format!("`vary.{name}` is an array of numbers, strings or true and false");
        Complaint::new("setting", message)
            .hint("name a closure by a string and choose it in `run` with `switch`")
            .at(name)
    };
    let items = values.read_lock::<Array>().ok_or_else(wrong)?;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for item in items.iter() {
        let value = to_json(item).map_err(|_| wrong())?;
        if matches!(value, Value::Null | Value::Array(_) | Value::Object(_)) {
            return Err(wrong());
        }
        if !seen.insert(value.to_string()) {
            let message = format!("`vary.{name}` holds {value} twice");
            return Err(Complaint::new("setting", message).at(name));
        }
        found.push(value);
    }
    if found.is_empty() {
        return Err(Complaint::new("setting", format!("`vary.{name}` is empty")).at(name));
    }
    Ok(found)
}

fn seeds(host: &Host, value: Option<&Dynamic>) -> Result<u64, Complaint> {
    let declared = match value {
        None => 1,
        Some(value) => value.as_int().map_err(|_| wrong("seeds", "a whole number", value))?,
    };
    let overridden = host.overrides("seeds").and_then(|values| values.first().cloned());
    let count = match &overridden {
        None => Some(declared),
        Some(value) => value.as_i64(),
    };
    if let Some(count @ 1..=1_000) = count {
        return Ok(count as u64);
    }
    let given = overridden.map_or(declared.to_string(), |value| value.to_string());
    let message = format!("`seeds` is {given}, but must be 1 to 1000");
    Err(Complaint::new("setting", message).at("seeds"))
}

fn alone(value: Option<&Dynamic>) -> Result<bool, Complaint> {
    let Some(value) = value else { return Ok(false) };
    value.as_bool().map_err(|_| wrong("alone", "true or false", value))
}

fn metrics(host: &Host, value: Option<&Dynamic>) -> Result<Vec<Metric>, Complaint> {
    let value = value.ok_or_else(|| missing("metrics"))?;
    let names = value.read_lock::<Array>().ok_or_else(|| wrong("metrics", "an array", value))?;
    let found: Result<Vec<Metric>, Complaint> = names
        .iter()
        .map(|name| {
            let name = name.clone().into_string().map_err(|_| wrong("metrics", "names", name))?;
            known_metric(host, &name)
        })
        .collect();
    let found = found?;
    if found.is_empty() {
        return Err(
            Complaint::new("setting", "`metrics` is empty: declare what is measured").at("metrics")
        );
    }
    Ok(found)
}

fn known_metric(host: &Host, name: &str) -> Result<Metric, Complaint> {
    host.metric(name).cloned().ok_or_else(|| {
        let known = host.options.metrics.iter().map(|metric| metric.name.as_str());
        Complaint::new("setting", format!("unknown metric `{name}`"))
            .maybe_hint(did_you_mean_or_list(name, known))
            .at(name)
    })
}
