//! The only door to environment variables.

use std::path::PathBuf;

/// The value of `FFRUN_<NAME>`, if it is set and not empty.
pub(super) fn setting(name: &str) -> Option<String> {
    variable(&format!("FFRUN_{name}"))
}

/// Where the user's own configuration lies: `$XDG_CONFIG_HOME/ffrun/config.toml`.
pub(super) fn user_config() -> Option<PathBuf> {
    variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")))
        .map(|folder| folder.join("ffrun").join("config.toml"))
}

/// Whether the user asked for no colour (no-color.org).
pub(super) fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}

#[allow(clippy::disallowed_methods, reason = "this function is the one door to the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
