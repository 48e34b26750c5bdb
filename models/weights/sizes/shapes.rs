//! Shapes of the tensors that tell what sizes a network has.

use crate::weights::{WeightError, WeightFiles, WeightResult};

/// The shapes in a set of files, by original names.
pub(super) struct Shapes<'a> {
    files: &'a WeightFiles,
    /// What the files should be, `a transformer of Wan`.
    what: &'static str,
}

impl<'a> Shapes<'a> {
    pub(super) fn new(files: &'a WeightFiles, what: &'static str) -> Self {
        Self { files, what }
    }

    /// The shape of a tensor that every such network has.
    pub(super) fn of<const N: usize>(&self, name: &str) -> WeightResult<[usize; N]> {
        let not = |reason: String| {
            let path = self.files.path().to_owned();
            Err(WeightError::NotWeights { path, reason })
        };
        match self.files.shape(name) {
            None => not(format!("it has no `{name}`, so it is not {}", self.what)),
            Some(shape) => shape.try_into().or_else(|_| {
                not(format!("its `{name}` has shape {shape:?}, so it is not {}", self.what))
            }),
        }
    }

    /// Number of blocks whose names begin with `<stack>.<number>.`: one more than the highest.
    pub(super) fn blocks(&self, stack: &str) -> usize {
        let number = |name: &str| -> Option<usize> {
            let (number, _) = name.strip_prefix(stack)?.strip_prefix('.')?.split_once('.')?;
            number.parse().ok()
        };
        let numbers = self.files.shapes().filter_map(|(name, _)| number(name));
        numbers.max().map_or(0, |highest| highest + 1)
    }
}
