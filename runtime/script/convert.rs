//! Rhai values to JSON and back: the one border between script values and typed data.

use rhai::{Array, Dynamic, FnPtr, Map};
use serde_json::{Number, Value};

/// The JSON of a plain value: unit, booleans, numbers, strings, arrays and maps of these.
/// `Err` holds the name of the type that has no JSON.
pub(super) fn to_json(value: &Dynamic) -> Result<Value, String> {
    let value = value.flatten_clone();
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(Value::Bool(flag));
    }
    if let Ok(whole) = value.as_int() {
        return Ok(Value::from(whole));
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number).map(Value::Number).ok_or_else(|| number.to_string());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::from(text.as_str()));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(to_json).collect::<Result<_, _>>().map(Value::Array);
    }
    if let Some(map) = value.read_lock::<Map>() {
        let fields = map.iter().map(|(name, value)| Ok((name.to_string(), to_json(value)?)));
        return fields.collect::<Result<_, String>>().map(Value::Object);
    }
    Err(type_name(&value))
}

/// The Rhai value of a JSON value.
pub(super) fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(from_json).collect::<Array>().into(),
        Value::Object(fields) => {
            let map: Map = fields
                .iter()
                .map(|(name, value)| (name.as_str().into(), from_json(value)))
                .collect();
            map.into()
        }
    }
}

/// A value typed on the command line: JSON where it is JSON, else a string.
pub(super) fn from_command_line(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ => Value::from(text),
    }
}

/// What a person calls the type of a value: `a whole number`, `a string`, `Dataset`.
pub(super) fn type_name(value: &Dynamic) -> String {
    match value.type_name() {
        "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "string" => "a string".to_owned(),
        "bool" => "true or false".to_owned(),
        "array" => "an array".to_owned(),
        "map" => "a map".to_owned(),
        "()" => "nothing `()`".to_owned(),
        "Fn" => "a function".to_owned(),
        _ if value.is::<FnPtr>() => "a function".to_owned(),
        other => format!("a {}", other.rsplit("::").next().unwrap_or(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_survive_the_border() {
        let value = serde_json::json!({"a": [1, 2.5, "x", true, null], "b": {"c": -3}});
        assert_eq!(to_json(&from_json(&value)), Ok(value));
    }

    #[test]
    fn functions_and_infinities_have_no_json() {
        assert_eq!(to_json(&Dynamic::from_float(f64::INFINITY)), Err("inf".to_owned()));
        let function = FnPtr::new("f").map(Dynamic::from).unwrap_or_default();
        assert_eq!(to_json(&function), Err("a function".to_owned()));
    }

    #[test]
    fn the_command_line_types_its_values() {
        assert_eq!(from_command_line("4096"), Value::from(4096));
        assert_eq!(from_command_line("max"), Value::from("max"));
        assert_eq!(from_command_line("0.5"), Value::from(0.5));
        assert_eq!(from_command_line("true"), Value::from(true));
    }
}
