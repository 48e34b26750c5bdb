//! The `config.json` that comes with public weights, in either spelling.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::weights::{WeightError, WeightResult};

/// A `config.json`, or nothing where there is none. Settings that it lacks are `None`.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    path: PathBuf,
    json: Value,
}

impl Configuration {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or is no JSON.
    pub fn read(path: &Path) -> WeightResult<Self> {
        let text = std::fs::read(path)
            .map_err(|source| WeightError::Unreadable { path: path.to_owned(), source })?;
        let json = serde_json::from_slice(&text).map_err(|error| WeightError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { path: path.to_owned(), json })
    }

    /// A size under the first of these names that is there.
    pub(super) fn size(&self, names: &[&'static str]) -> WeightResult<Option<usize>> {
        self.setting(names, "a whole number", |value| Some(value.as_u64()? as usize))
    }

    /// A number under this name.
    pub(super) fn number(&self, name: &'static str) -> WeightResult<Option<f64>> {
        self.setting(&[name], "a number", Value::as_f64)
    }

    /// Sizes under this name.
    pub(super) fn sizes(&self, name: &'static str) -> WeightResult<Option<Vec<usize>>> {
        self.list(name, "whole numbers", |value| Some(value.as_u64()? as usize))
    }

    /// Values of any kind under this name; `what` they should be is told when they are not.
    pub(super) fn list<T>(
        &self,
        name: &'static str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> WeightResult<Option<Vec<T>>> {
        let what = format!("a list of {what}");
        self.setting(&[name], &what, |value| value.as_array()?.iter().map(&read).collect())
    }

    fn setting<T>(
        &self,
        names: &[&'static str],
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> WeightResult<Option<T>> {
        let given = names.iter().find_map(|name| Some((name, self.json.get(name)?)));
        let Some((name, value)) = given.filter(|(_, value)| !value.is_null()) else {
            return Ok(None);
        };
        read(value).map(Some).ok_or_else(|| WeightError::Damaged {
            path: self.path.clone(),
            reason: format!("`{name}` is {value}, but should be {what}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Configuration;

    #[test]
    fn settings_of_another_kind_are_named_with_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"num_heads": "12", "dim": 3, "image_dim": null}"#).unwrap();
        let config = Configuration::read(&path).unwrap();
        assert_eq!(config.size(&["absent", "dim"]).unwrap(), Some(3));
        assert_eq!(config.size(&["image_dim"]).unwrap(), None);
        let text = config.size(&["num_heads"]).unwrap_err().to_string();
        assert!(text.contains("config.json` is damaged: `num_heads` is \"12\""), "{text}");
        std::fs::write(&path, "{").unwrap();
        assert!(Configuration::read(&path).unwrap_err().to_string().contains("is damaged"));
    }
}
