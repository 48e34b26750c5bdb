//! The one place that turns a script's map into a typed spec.

use std::{collections::BTreeMap, sync::Arc};

use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};
use serde_json::{Map as Fields, Value};

use super::{Recipe, Spec};
use crate::script::{
    capture::capture,
    complaint::{Complaint, Raised},
    convert::{from_json, to_json, type_name},
    rehearsal::rehearse,
    suggest::did_you_mean_or_list,
};

impl<S: Spec> Recipe<S> {
    /// A new recipe. Every setting must be given, so that all defaults stay in the stdlib.
    pub(in crate::script) fn make(
        context: &NativeCallContext,
        settings: &Map,
    ) -> Result<Self, Raised> {
        let mut example = fields(&S::example());
        example.retain(|name, _| !S::OPTIONAL.contains(&name.as_str()));
        let missing: Vec<String> = example
            .keys()
            .filter(|name| !settings.contains_key(name.as_str()))
            .map(|name| format!("`{name}`"))
            .collect();
        let made = Self::changed(context, example, BTreeMap::new(), settings)?;
        if missing.is_empty() {
            return Ok(made);
        }
        let message = format!("`{}` was not given {}", S::NATIVE, missing.join(", "));
        let hint = "start from a recipe of the stdlib and change it with `.but(#{ … })`";
        Err(Complaint::new("setting", message).hint(hint).into())
    }

    /// The same recipe with these settings changed.
    pub(in crate::script) fn but(
        &self,
        context: &NativeCallContext,
        settings: &Map,
    ) -> Result<Self, Raised> {
        let code = BTreeMap::clone(&self.code);
        Self::changed(context, fields(self.spec.as_ref()), code, settings)
    }

    /// A recipe of these fields and closures with some settings changed.
    fn changed(
        context: &NativeCallContext,
        mut now: Fields<String, Value>,
        mut code: BTreeMap<String, String>,
        settings: &Map,
    ) -> Result<Self, Raised> {
        let examples = fields(&S::example());
        for (name, value) in settings {
            let Some(example) = examples.get(name.as_str()) else {
                return Err(unknown::<S>(name, &now).into());
            };
            code.remove(name.as_str());
            let new = match value.clone().try_cast::<FnPtr>() {
                Some(function) => closure::<S>(context, name, &function, &mut code)?,
                None => typed::<S>(name, example, value)?,
            };
            now.insert(name.to_string(), new);
        }
        let spec: S = serde_json::from_value(Value::Object(now)).map_err(|error| {
            Complaint::new("setting", format!("{} cannot be made: {error}", S::WHAT))
        })?;
        spec.check()?;
        Ok(Self { spec: Arc::new(spec), code: Arc::new(code) })
    }

    /// The value of one setting.
    pub(in crate::script) fn setting(&self, name: &str) -> Result<Dynamic, Complaint> {
        let now = fields(self.spec.as_ref());
        now.get(name).map(from_json).ok_or_else(|| unknown::<S>(name, &now))
    }
}

fn fields<S: Spec>(spec: &S) -> Fields<String, Value> {
    match serde_json::to_value(spec) {
        Ok(Value::Object(fields)) => fields,
        _ => Fields::new(),
    }
}

fn unknown<S: Spec>(name: &str, known: &Fields<String, Value>) -> Complaint {
    Complaint::new("setting", format!("unknown setting `{name}` of {}", S::WHAT))
        .maybe_hint(did_you_mean_or_list(name, known.keys().map(String::as_str)))
        .at(name)
}

fn closure<S: Spec>(
    context: &NativeCallContext,
    name: &str,
    function: &FnPtr,
    code: &mut BTreeMap<String, String>,
) -> Result<Value, Raised> {
    let Some(role) = S::CLOSURES.iter().find(|role| role.name() == name) else {
        let takers: Vec<&str> = S::CLOSURES.iter().map(|role| role.name()).collect();
        let mut complaint =
            Complaint::new("setting", format!("`{name}` of {} takes no function", S::WHAT))
                .at(name);
        if !takers.is_empty() {
            complaint = complaint.hint(format!("functions fit `{}`", takers.join("`, `")));
        }
        return Err(complaint.into());
    };
    let text = capture(context, *role, function)?;
    rehearse(context, *role, function, &text)?;
    code.insert(name.to_owned(), text);
    Ok(serde_json::json!({ "closure": name }))
}

/// The JSON of `value`, if it is of the type of the field's example. A whole number is taken where
/// a number is meant.
fn typed<S: Spec>(name: &str, example: &Value, value: &Dynamic) -> Result<Value, Complaint> {
    let wrong = |wanted: &str| {
        let got = type_name(value);
        let message = format!("`{name}` of {} is {wanted}, not {got}", S::WHAT);
        Complaint::new("setting", message).at(name)
    };
    let closure = S::CLOSURES.iter().any(|role| role.name() == name);
    match example {
        Value::String(_) | Value::Object(_) if closure => {
            let name = value.is_string().then(|| to_json(value).ok()).flatten();
            name.ok_or_else(|| wrong("a name or a function"))
        }
        Value::String(_) if value.is_string() => to_json(value).map_err(|_| wrong("a string")),
        Value::String(_) => Err(wrong("a string")),
        Value::Bool(_) if value.is_bool() => to_json(value).map_err(|_| wrong("true or false")),
        Value::Bool(_) => Err(wrong("true or false")),
        Value::Number(number) if number.is_f64() => real(value).ok_or_else(|| wrong("a number")),
        Value::Number(_) => whole(value).ok_or_else(|| wrong("a whole number from 0")),
        Value::Array(example) => {
            let (wanted, read): (_, fn(&Dynamic) -> Option<Value>) = match example.first() {
                Some(Value::String(_)) => ("an array of names", name_of),
                Some(Value::Number(number)) if !number.is_f64() => {
                    ("an array of whole numbers from 0", whole)
                }
                _ => ("an array of numbers", real),
            };
            let items = value.read_lock::<Array>().ok_or_else(|| wrong(wanted))?;
            let found: Option<Vec<Value>> = items.iter().map(read).collect();
            found.map(Value::Array).ok_or_else(|| wrong(wanted))
        }
        Value::Object(_) if value.is_map() => to_json(value).map_err(|_| wrong("a map")),
        Value::Object(_) | Value::Null => Err(wrong("a map")),
    }
}

fn real(value: &Dynamic) -> Option<Value> {
    let number = value.as_float().ok().or_else(|| value.as_int().ok().map(|whole| whole as f64))?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

fn whole(value: &Dynamic) -> Option<Value> {
    value.as_int().ok().and_then(|whole| u64::try_from(whole).ok()).map(Value::from)
}

fn name_of(value: &Dynamic) -> Option<Value> {
    value.is_string().then(|| to_json(value).ok()).flatten()
}
