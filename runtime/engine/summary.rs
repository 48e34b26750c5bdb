//! How an execution ended, and with which exit code.

use serde::Serialize;

use super::key::Key;

/// How an execution ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Stages computed here.
    pub computed: usize,
    /// Stages that were in the store or came from another process.
    pub cached: usize,
    /// Stages that failed.
    pub failed: Vec<Failure>,
    /// Stages that could not run because of a failure.
    pub blocked: Vec<Key>,
    /// Whether it was stopped before everything was done.
    pub interrupted: bool,
    /// The generation of the graph that was followed last.
    pub generation: u64,
}

impl Summary {
    /// Exit code: 0, 130 if interrupted, otherwise that of the gravest failure, a damaged store
    /// (5) before the environment (6) before a failed stage (1) before "try again" (75).
    pub fn exit_code(&self) -> u8 {
        let codes: Vec<u8> = self.failed.iter().map(|failure| failure.code).collect();
        let gravest = [5, 6, 1, 75].into_iter().find(|code| codes.contains(code));
        match gravest.or_else(|| codes.first().copied()) {
            Some(code) => code,
            None if self.interrupted => 130,
            None => 0,
        }
    }
}

/// A stage that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The stage.
    pub key: Key,
    /// Exit code of the reason.
    pub code: u8,
    /// Why, a whole sentence.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_failure_gives_the_exit_code() {
        let failed = |codes: &[u8]| Summary {
            failed: codes
                .iter()
                .map(|code| Failure { key: Key::of(&[*code]), code: *code, message: String::new() })
                .collect(),
            interrupted: true,
            ..Summary::default()
        };
        assert_eq!(failed(&[]).exit_code(), 130);
        assert_eq!(failed(&[75]).exit_code(), 75);
        assert_eq!(failed(&[75, 1]).exit_code(), 1);
        assert_eq!(failed(&[1, 6]).exit_code(), 6);
        assert_eq!(failed(&[6, 5, 1]).exit_code(), 5);
        assert_eq!(Summary::default().exit_code(), 0);
    }
}
