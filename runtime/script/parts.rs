//! Named parts of a stage: a map whose values are handles, each of a known type.

use rhai::{Dynamic, Map};

use super::{complaint::Complaint, convert::type_name, suggest::did_you_mean_or_list};

/// The parts that one native was given.
pub(super) struct Parts<'a> {
    native: &'static str,
    map: &'a Map,
}

impl<'a> Parts<'a> {
    /// Refuses parts that are not in `known`.
    pub(super) fn read(
        native: &'static str,
        map: &'a Map,
        known: &[&'static str],
    ) -> Result<Self, Complaint> {
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self { native, map }),
            Some(key) => {
                let unknown = format!("`{native}` has no part `{key}`");
                Err(Complaint::new("setting", unknown)
                    .maybe_hint(did_you_mean_or_list(key, known.iter().copied()))
                    .at(key))
            }
        }
    }

    /// A part that must be there.
    pub(super) fn required<T: Clone + Send + Sync + 'static>(
        &self,
        name: &'static str,
        example: &str,
    ) -> Result<T, Complaint> {
        self.optional(name, example)?.ok_or_else(|| {
            let missing = format!("`{}` was not given `{name}`", self.native);
            Complaint::new("setting", missing).hint(format!("{name}: {example}"))
        })
    }

    /// A part that may be left out, or be `()`.
    pub(super) fn optional<T: Clone + Send + Sync + 'static>(
        &self,
        name: &'static str,
        example: &str,
    ) -> Result<Option<T>, Complaint> {
        let given = self.map.get(name).filter(|value: &&Dynamic| !value.is_unit());
        let Some(value) = given else { return Ok(None) };
        value.clone().try_cast::<T>().map(Some).ok_or_else(|| {
            let wrong = format!("`{name}` of `{}` cannot be {}", self.native, type_name(value));
            Complaint::new("setting", wrong).hint(format!("{name}: {example}")).at(name)
        })
    }

    /// A number that must be there; a whole one will do.
    pub(super) fn number(&self, name: &'static str, example: &str) -> Result<f64, Complaint> {
        let whole = self.map.get(name).and_then(|value| value.as_int().ok());
        match whole {
            Some(whole) => Ok(whole as f64),
            None => self.required(name, example),
        }
    }
}
