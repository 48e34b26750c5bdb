//! What a caller chooses before a script is read.

use std::path::PathBuf;

use ffrun_reports::rows::Metric;

use crate::engine::{KnownFiles, stage::NumericClass};

/// Scales a script knows, from seconds on a CPU to the paper's own numbers.
pub(super) const SCALES: [&str; 4] = ["smoke", "tiny", "small", "paper"];

/// Choices of the command line that a script is evaluated under.
#[derive(Clone, Debug)]
pub struct ScriptOptions {
    /// `smoke`, `tiny`, `small` or `paper`.
    pub scale: String,
    /// `-P key=value`: overrides of varied settings, of `seeds` or of named scale numbers.
    pub settings: Vec<(String, String)>,
    /// Seed of the first trial; the i-th seed is this plus i.
    pub seed: u64,
    /// Folder to read the standard library from instead of the embedded copy.
    pub stdlib: Option<PathBuf>,
    /// Device kind and element type that the stages are planned for.
    pub class: NumericClass,
    /// Where digests of large files are remembered; none where scripts may name no such files.
    pub known_files: Option<KnownFiles>,
    /// Every metric that a script may declare.
    pub metrics: Vec<Metric>,
}

impl Default for ScriptOptions {
    fn default() -> Self {
        Self {
            scale: "tiny".to_owned(),
            settings: Vec::new(),
            seed: 0,
            stdlib: None,
            class: NumericClass::default(),
            known_files: None,
            metrics: Vec::new(),
        }
    }
}
