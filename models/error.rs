//! What can go wrong with a network outside its arithmetic: configurations, weights, checkpoints.

use thiserror::Error;

/// An error of the models crate. Failures inside tensor arithmetic stay candle errors and arrive
/// here as [`ModelError::Tensor`].
#[derive(Debug, Error)]
pub enum ModelError {
    /// A setting no network can be built with.
    #[error("`{setting}` is {got}, but {expected}")]
    BadSetting {
        /// Name of the setting as the configuration spells it.
        setting: &'static str,
        /// What it was given.
        got: String,
        /// What it must be, as a clause: `must divide …`.
        expected: String,
    },
    /// A checkpoint whose bytes are not what was written.
    #[error("the checkpoint is damaged: {reason}; delete it or fetch it again")]
    DamagedCheckpoint {
        /// What the reader stumbled over.
        reason: String,
    },
    /// Two parameters of one name: a programming error in a network.
    #[error("parameter `{name}` is declared twice; give each parameter its own name")]
    DuplicateParameter {
        /// The name.
        name: String,
    },
    /// A failure inside tensor arithmetic.
    #[error("{}", first_line(.0))]
    Tensor(#[from] candle_core::Error),
    /// A file of a vocabulary that cannot be used.
    #[error("this is no `tokenizer.json`: {reason}; fetch the one that came with the text encoder")]
    Tokenizer {
        /// What the reader stumbled over.
        reason: String,
    },
    /// A name that is none of the built-ins.
    #[error("unknown {kind} `{name}`; choose one of {}", known.join(", "))]
    UnknownName {
        /// What is being named, e.g. `normalizer`.
        kind: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        known: &'static [&'static str],
    },
    /// Weights that do not belong to this network.
    #[error("the weights do not fit the network: {}", mismatch(missing, unexpected, misshaped))]
    WeightMismatch {
        /// Parameters the weights lack.
        missing: Vec<String>,
        /// Tensors the network has no place for.
        unexpected: Vec<String>,
        /// Tensors of another shape: `name: expected [..], found [..]`.
        misshaped: Vec<String>,
    },
}

/// What constructors and loaders return; tensor arithmetic returns candle's own results.
pub type ModelResult<T> = Result<T, ModelError>;

/// candle appends a backtrace to its messages when `RUST_BACKTRACE` is set; a user wants the fact.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn mismatch(missing: &[String], unexpected: &[String], misshaped: &[String]) -> String {
    [("missing", missing), ("unexpected", unexpected), ("misshaped", misshaped)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what} {}", shortened(names)))
        .collect::<Vec<_>>()
        .join("; ")
}

/// At most six names: a wholly wrong file would otherwise print hundreds.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::ModelError;

    #[test]
    fn a_mismatch_names_what_differs() {
        let names = |count: usize| (0..count).map(|i| format!("w{i}")).collect::<Vec<_>>();
        let error = ModelError::WeightMismatch {
            missing: names(8),
            unexpected: vec![],
            misshaped: vec!["b: expected [2], found [3]".into()],
        };
        assert_eq!(
            error.to_string(),
            "the weights do not fit the network: missing `w0`, `w1`, `w2`, `w3`, `w4`, `w5` and 2 \
             more; misshaped `b: expected [2], found [3]`"
        );
    }
}
