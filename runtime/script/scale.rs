//! Numbers by scale: one script for a laptop and for the paper's own sizes.

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};
use serde_json::Value;

use super::{
    complaint::{Complaint, Raised},
    convert::{from_json, to_json, type_name},
    host::Host,
    options::SCALES,
    suggest::did_you_mean_or_list,
};

/// Registers the functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(scale_functions).into());
}

/// The value for the present scale out of a map of all scales.
fn of_scale(host: &Host, numbers: &Map) -> Result<Dynamic, Complaint> {
    if let Some(odd) = numbers.keys().find(|name| !SCALES.contains(&name.as_str())) {
        return Err(Complaint::new("setting", format!("unknown scale `{odd}`"))
            .maybe_hint(did_you_mean_or_list(odd, SCALES))
            .at(odd));
    }
    let scale = host.options.scale.as_str();
    numbers.get(scale).cloned().ok_or_else(|| {
        Complaint::new("setting", format!("`by_scale` has no value for the scale `{scale}`"))
            .hint("by_scale(#{ smoke: …, tiny: …, small: …, paper: … })")
    })
}

/// The `-P` value of a scale number, if it fits the number's type.
fn overridden(host: &Host, name: &str, declared: &Dynamic) -> Result<Option<Dynamic>, Complaint> {
    host.state().scale_numbers.insert(name.to_owned());
    let Some(values) = host.overrides(name) else { return Ok(None) };
    let wrong = |got: String| {
        let message = format!("`-P {name}=…` must be {}, not {got}", type_name(declared));
        Complaint::new("option", message)
    };
    let [value] = values.as_slice() else {
        return Err(wrong(format!("{} values", values.len())));
    };
    let fits = match to_json(declared) {
        Ok(Value::Number(number)) if number.is_f64() => value.is_number(),
        Ok(Value::Number(_)) => value.is_i64() || value.is_u64(),
        Ok(Value::Bool(_)) => value.is_boolean(),
        Ok(Value::String(_)) => value.is_string(),
        _ => false,
    };
    if fits { Ok(Some(from_json(value))) } else { Err(wrong(value.to_string())) }
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod scale_functions {
    /// The scale that was chosen: `smoke`, `tiny`, `small` or `paper`.
    #[rhai_fn(return_raw)]
    pub fn scale_name(context: NativeCallContext) -> Result<String, Raised> {
        Ok(Host::of(&context)?.options.scale.clone())
    }

    /// The value for the chosen scale.
    /// ```rhai
    /// let width = by_scale(#{ smoke: 32, tiny: 64, small: 256, paper: 1024 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn by_scale(context: NativeCallContext, values: Map) -> Result<Dynamic, Raised> {
        let host = Host::of(&context)?;
        of_scale(&host, &values).map_err(Raised::from)
    }

    /// The value for the chosen scale, under a name that `-P name=value` overrides.
    /// ```rhai
    /// let steps = by_scale("steps", #{ smoke: 6, tiny: 200, small: 2000, paper: 5000 });
    /// ```
    #[rhai_fn(name = "by_scale", return_raw)]
    pub fn named_by_scale(
        context: NativeCallContext,
        name: &str,
        values: Map,
    ) -> Result<Dynamic, Raised> {
        let host = Host::of(&context)?;
        let declared = of_scale(&host, &values)?;
        Ok(overridden(&host, name, &declared)?.unwrap_or(declared))
    }
}
