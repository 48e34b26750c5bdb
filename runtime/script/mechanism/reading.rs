//! From a script's map to a mechanism, with errors that name the part.

use ffrun_models::baselines::{
    AdapterSpec, ChannelsSpec, ControlSpec, FaceSpec, ImageEntry, ImageSpec, Mechanism,
    ModulationSpec, PassSpec, SegmentSpec, SharedSpec, TrainsSpec,
};
use rhai::{Dynamic, Map};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map as Fields, Value};

use crate::script::{complaint::Complaint, convert::to_json, suggest::did_you_mean_or_list};

/// Settings that are arrays of maps.
const LISTS: [&str; 4] = ["segments", "modulations", "adapters", "passes"];

/// The mechanism `from` with these settings changed, everything that it names being there.
pub(super) fn read(from: &Mechanism, settings: &Map) -> Result<Mechanism, Complaint> {
    let mut now = fields(from);
    for (name, value) in settings {
        if !now.contains_key(name.as_str()) {
            return Err(unknown(name, "a mechanism", now.keys().map(String::as_str)));
        }
        now.insert(name.to_string(), part(name, value)?);
    }
    let made: Mechanism = typed(Value::Object(now), "a mechanism", "mechanism")?;
    made.check().map_err(|error| {
        Complaint::new("setting", format!("a mechanism does not hold together: {error}"))
            .hint("`segments`, `modulations` and `adapters` declare the names that others ask for")
    })?;
    Ok(made)
}

/// All settings of a value as JSON.
pub(super) fn fields<T: Serialize>(value: &T) -> Fields<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        _ => Fields::new(),
    }
}

/// One setting, item by item where it is a list, so that an error can say which.
fn part(name: &str, value: &Dynamic) -> Result<Value, Complaint> {
    let json = to_json(value).map_err(|got| {
        Complaint::new("setting", format!("`{name}` of a mechanism cannot hold {got}")).at(name)
    })?;
    match json {
        Value::Array(items) if LISTS.contains(&name) => {
            for (at, item) in items.iter().enumerate() {
                check(name, &format!("`{name}[{at}]`"), item)?;
            }
            Ok(Value::Array(items))
        }
        Value::Null => Ok(json),
        one => {
            check(name, &format!("`{name}`"), &one)?;
            Ok(one)
        }
    }
}

/// Refuses a part that cannot be read; `place` is what messages call it.
fn check(name: &str, place: &str, value: &Value) -> Result<(), Complaint> {
    match name {
        "segments" => known::<SegmentSpec>(&SegmentSpec::default(), place, name, value),
        "control" => known::<ControlSpec>(&ControlSpec::default(), place, name, value),
        "channels" => typed::<ChannelsSpec>(value.clone(), place, name).map(|_| ()).map_err(|it| {
            it.hint(
                "channels: #{ kind: \"reference_frames\", repeat: true, refuses_one: false }, \
                 #{ kind: \"canvas\", by_region: true } or #{ kind: \"first_frame\" }",
            )
        }),
        "image" => {
            let example = ImageSpec { dim: 1, enters: ImageEntry::Attention };
            known::<ImageSpec>(&example, place, name, value)
        }
        "face" => known::<FaceSpec>(&FaceSpec::default(), place, name, value),
        "shared" => {
            let example = SharedSpec { injection: "add".into(), width: 1 };
            known::<SharedSpec>(&example, place, name, value)
        }
        "modulations" => {
            let example = ModulationSpec { name: String::new(), ffn_reuses_attention: false };
            known::<ModulationSpec>(&example, place, name, value)
        }
        "adapters" => {
            known::<AdapterSpec>(&AdapterSpec::on_self_attention("", 1), place, name, value)
        }
        "passes" => known::<PassSpec>(&PassSpec::default(), place, name, value),
        "trains" => known::<TrainsSpec>(&TrainsSpec::default(), place, name, value),
        _ => Ok(()),
    }
}

/// Refuses settings that `example` does not have, and values of the wrong type.
fn known<T: Serialize + DeserializeOwned>(
    example: &T,
    place: &str,
    name: &str,
    value: &Value,
) -> Result<(), Complaint> {
    let known = fields(example);
    let given = value.as_object().into_iter().flat_map(Fields::keys);
    if let Some(wrong) = given.into_iter().find(|setting| !known.contains_key(*setting)) {
        return Err(unknown(wrong, place, known.keys().map(String::as_str)));
    }
    typed::<T>(value.clone(), place, name).map(|_| ())
}

fn typed<T: DeserializeOwned>(value: Value, place: &str, name: &str) -> Result<T, Complaint> {
    serde_json::from_value(value).map_err(|error| {
        Complaint::new("setting", format!("{place} cannot be read: {error}")).at(name)
    })
}

fn unknown<'a>(name: &str, of: &str, known: impl Iterator<Item = &'a str> + Clone) -> Complaint {
    Complaint::new("setting", format!("unknown setting `{name}` of {of}"))
        .maybe_hint(did_you_mean_or_list(name, known))
        .at(name)
}
