//! The fields in which two stages differ, followed through their inputs to the real cause.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

use serde::Serialize;
use serde_json::Value;

use crate::engine::{key::Key, stage::Stage};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldDiff {
    /// Path from the stage, e.g. `spec.model.elements`, or through an input,
    /// `inputs.fitted.spec.model.elements`.
    pub path: String,
    /// The stored value; `None` where the field was not there.
    pub was: Option<Value>,
    /// The value now; `None` where the field is gone.
    pub now: Option<Value>,
}

impl FieldDiff {
    /// The last part of the path and the values, e.g. `elements 4096 → 8192`.
    pub fn short(&self) -> String {
        let name = self.path.rsplit('.').next().unwrap_or(&self.path);
        if self.is_code() {
            return format!("{name} (code) changed");
        }
        format!("{name} {} → {}", brief(self.was.as_ref()), brief(self.now.as_ref()))
    }

    /// Closures are too long to show in a line.
    fn is_code(&self) -> bool {
        let mut parts = self.path.rsplit('.').skip(1);
        parts.next() == Some("code")
    }
}

impl fmt::Display for FieldDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_code() {
            return write!(f, "{}: code changed", self.path);
        }
        write!(f, "{}: {} → {}", self.path, brief(self.was.as_ref()), brief(self.now.as_ref()))
    }
}

/// Finds the stage of a key.
pub(super) type Lookup<'a> = &'a dyn Fn(&Key) -> Option<&'a Stage>;

/// All differences from a stored stage to one now. Where the two read different inputs, those
/// are compared instead of their keys, each pair once; `old` and `new` find them.
pub fn between<'a>(
    was: &'a Stage,
    now: &'a Stage,
    old: Lookup<'a>,
    new: Lookup<'a>,
) -> Vec<FieldDiff> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    // Breadth first, so that a change is reported on the shortest way to it.
    let mut pending = VecDeque::from([(String::new(), was, now)]);
    while let Some((prefix, was, now)) = pending.pop_front() {
        if was.kind != now.kind {
            // Stages of two kinds have nothing to compare field by field.
            push(&mut found, format!("{prefix}kind"), Some(text(&was.kind)), Some(text(&now.kind)));
            continue;
        }
        own_fields(&prefix, was, now, &mut found);
        for (role, was, now) in roles(was, now) {
            if was == now || !seen.insert((was, now)) {
                continue;
            }
            let path = format!("{prefix}inputs.{role}");
            match (was.and_then(old), now.and_then(new)) {
                (Some(was), Some(now)) => pending.push_back((format!("{path}."), was, now)),
                _ => push(&mut found, path, was.map(key), now.map(key)),
            }
        }
    }
    found
}

fn own_fields(prefix: &str, was: &Stage, now: &Stage, found: &mut Vec<FieldDiff>) {
    if was.version != now.version {
        let path = format!("{prefix}version");
        push(found, path, Some(was.version.into()), Some(now.version.into()));
    }
    values(&format!("{prefix}spec"), Some(&was.spec), Some(&now.spec), found);
    for (name, was, now) in paired(&was.digests, &now.digests) {
        strings(format!("{prefix}digests.{name}"), was, now, found);
    }
    for (name, was, now) in paired(&was.code, &now.code) {
        strings(format!("{prefix}code.{name}"), was, now, found);
    }
    let class = format!("{prefix}class");
    strings(format!("{class}.device"), Some(&was.class.device), Some(&now.class.device), found);
    strings(format!("{class}.dtype"), Some(&was.class.dtype), Some(&now.class.dtype), found);
}

fn values(path: &str, was: Option<&Value>, now: Option<&Value>, found: &mut Vec<FieldDiff>) {
    if was == now {
        return;
    }
    match (was, now) {
        (Some(Value::Object(was)), Some(Value::Object(now))) => {
            let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
            for name in names {
                values(&format!("{path}.{name}"), was.get(name), now.get(name), found);
            }
        }
        (Some(Value::Array(was)), Some(Value::Array(now))) if was.len() == now.len() => {
            for (index, (was, now)) in was.iter().zip(now).enumerate() {
                values(&format!("{path}[{index}]"), Some(was), Some(now), found);
            }
        }
        _ => push(found, path.to_owned(), was.cloned(), now.cloned()),
    }
}

fn strings(path: String, was: Option<&String>, now: Option<&String>, found: &mut Vec<FieldDiff>) {
    if was != now {
        push(found, path, was.map(|was| text(was)), now.map(|now| text(now)));
    }
}

type Strings = std::collections::BTreeMap<String, String>;

fn paired<'a>(
    was: &'a Strings,
    now: &'a Strings,
) -> impl Iterator<Item = (&'a String, Option<&'a String>, Option<&'a String>)> {
    let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    names.into_iter().map(|name| (name, was.get(name), now.get(name)))
}

fn roles<'a>(
    was: &'a Stage,
    now: &'a Stage,
) -> impl Iterator<Item = (&'a String, Option<&'a Key>, Option<&'a Key>)> {
    let names: BTreeSet<&String> = was.inputs.keys().chain(now.inputs.keys()).collect();
    names.into_iter().map(|name| (name, was.inputs.get(name), now.inputs.get(name)))
}

fn push(found: &mut Vec<FieldDiff>, path: String, was: Option<Value>, now: Option<Value>) {
    found.push(FieldDiff { path, was, now });
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn key(key: &Key) -> Value {
    Value::from(key.short())
}

/// A value in at most [`BRIEF`] characters.
fn brief(value: Option<&Value>) -> String {
    let text = match value {
        None => return "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    if text.chars().count() <= BRIEF {
        return text;
    }
    text.chars().take(BRIEF - 1).chain(['…']).collect()
}

const BRIEF: usize = 24;
