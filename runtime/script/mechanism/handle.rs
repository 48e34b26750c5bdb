//! `mechanism(settings)`, `.but(settings)`, and reading a setting back.

use std::sync::Arc;

use ffrun_models::baselines::Mechanism;
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use super::reading;
use crate::{
    script::{
        complaint::{Complaint, Raised},
        convert::from_json,
        suggest::did_you_mean_or_list,
    },
    stages::mechanism::Encoders,
};

/// A mechanism that a script declared.
#[derive(Clone, Debug)]
pub(in crate::script) struct Declared(pub(super) Arc<Mechanism>);

/// Registers the type and its functions.
pub(in crate::script) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Declared>("Mechanism");
    engine.register_global_module(exported_module!(mechanism_functions).into());
    engine.register_indexer_get(|it: &mut Declared, name: &str| -> Result<Dynamic, Raised> {
        setting(it, name).map_err(Raised::from)
    });
}

fn setting(declared: &Declared, name: &str) -> Result<Dynamic, Complaint> {
    let fields = reading::fields(declared.0.as_ref());
    fields.get(name).map(from_json).ok_or_else(|| {
        Complaint::new("setting", format!("unknown setting `{name}` of a mechanism"))
            .maybe_hint(did_you_mean_or_list(name, fields.keys().map(String::as_str)))
            .at(name)
    })
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod mechanism_functions {
    /// How a base is told who is to be seen, as data. Every setting may be left out: `name`,
    /// `segments` (reference tokens beside the video's), `control` (VACE's branch), `channels` (input
    /// channels), `image` (tokens of an image encoder), `face` (face modules), `"shared"` (the
    /// aligner's S; in quotes, since Rhai keeps the word for itself), `modulations`, `adapters` and `adapter` (LoRA of segments and of the video),
    /// `passes` (of a sampling step), `trains`. `stdlib/baselines.rhai` has the published ones.
    ///
    /// A segment has `name`, `references`, `offset` (time, height, width on the video's token grid;
    /// `"end"` is behind its last), `timestep`, `modulation`, `sees_text`, `attends_to` (`"video"`,
    /// `"self"`, names), `noisy`, `adapter` and `keys` (`"fresh"`, `"remembered"`, `"kept"`). A pass
    /// has `name`, `prompt`, `identity` (`"given"`, `"blank"`, `"absent"`) and `scale`.
    /// ```rhai
    /// let beside = mechanism(#{
    ///     name:     "beside",
    ///     segments: [#{ offset: [0, 0, "end"], timestep: 0, sees_text: false }],
    /// });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mechanism(settings: Map) -> Result<Declared, Raised> {
        let made = reading::read(&Mechanism::default(), &settings)?;
        Ok(Declared(Arc::new(made)))
    }

    /// The same mechanism with these settings changed, the rest as it is.
    #[rhai_fn(return_raw, pure)]
    pub fn but(mechanism: &mut Declared, settings: Map) -> Result<Declared, Raised> {
        Ok(Declared(Arc::new(reading::read(&mechanism.0, &settings)?)))
    }

    /// Sizes of the networks through which a mechanism sees a reference in the embedded world:
    /// `image_width` of an image token, `image_layers`, `face_width` of the face vector.
    /// ```rhai
    /// let eyes = in_world_encoders();
    /// let told = mechanism(#{ image: #{ dim: eyes.image_width, enters: "attention" } });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn in_world_encoders() -> Result<Map, Raised> {
        let sizes =
            Encoders::sizes().map_err(|error| Complaint::new("setting", error.to_string()))?;
        let named = [
            ("image_width", sizes.image_width),
            ("image_layers", sizes.image_layers),
            ("face_width", sizes.face_width),
        ];
        let number = |size: usize| Dynamic::from_int(size as i64);
        Ok(named.into_iter().map(|(name, size)| (name.into(), number(size))).collect())
    }
}
