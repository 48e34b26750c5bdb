//! The loop of every training: from the newest checkpoint to the last step, stopped at will.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use candle_core::{Device, Tensor};

use super::{
    checkpoint::{Checkpoints, State},
    curves::{self, Curves},
    tensor_error,
};
use crate::engine::{
    files,
    work::{Progress, StageError, Work},
};

/// A training that can be stopped after any step and resumed to the same bytes.
pub(super) trait Training {
    /// Steps made.
    fn done(&self) -> u64;

    /// Steps to make.
    fn steps(&self) -> u64;

    /// Makes one step.
    fn one_step(&mut self) -> Result<(), StageError>;

    /// What to say about the last step.
    fn note(&self) -> String;

    /// The curves so far as CSV, for those who watch.
    fn curves(&self) -> String;

    /// Everything that the next step depends on.
    fn state(&self) -> Result<State, StageError>;

    /// Goes back to a state that was left after `step` steps.
    fn restore(&mut self, step: u64, state: &State) -> Result<(), StageError>;
}

/// Makes all steps that are missing.
pub(super) fn run_to_end(
    training: &mut impl Training,
    work: &Work<'_>,
    device: &Device,
    checkpoint_every: Duration,
) -> Result<(), StageError> {
    let checkpoints = Checkpoints::in_folder(&work.scratch)?;
    let warn = |text: String| eprintln!("warning: {text}");
    if let Some((step, state)) = checkpoints.newest(device, &warn)? {
        training.restore(step, &state)?;
    }
    let total = training.steps();
    let mut saved = Instant::now();
    while training.done() < total {
        training.one_step()?;
        let done = training.done();
        (work.progress)(Progress { done, total, note: training.note() });
        let stop = work.stop.load(Ordering::SeqCst);
        if done < total && (stop || saved.elapsed() >= checkpoint_every) {
            checkpoints.save(done, &training.state()?)?;
            // Beside the checkpoint, so that a resumed training only ever adds to what was seen.
            files::write_atomic(&work.scratch.join(curves::FILE), training.curves().as_bytes())?;
            saved = Instant::now();
        }
        if stop && done < total {
            return Err(StageError::Interrupted);
        }
    }
    Ok(())
}

/// The names of `map` under `prefix`.
pub(super) fn prefixed(prefix: &str, map: BTreeMap<String, Tensor>) -> State {
    map.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect()
}

/// What of `map` is under `prefix`, without it.
pub(super) fn without_prefix(prefix: &str, map: &State) -> BTreeMap<String, Tensor> {
    map.iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())))
        .collect()
}

/// Curves as an entry of a state.
pub(super) fn keep_curves(curves: &Curves, state: &mut State) -> Result<(), StageError> {
    let flat = curves.to_flat();
    let count = flat.len();
    let flat = Tensor::from_vec(flat, count, &Device::Cpu).map_err(tensor_error)?;
    state.insert("curves".to_owned(), flat);
    Ok(())
}

/// Curves of these names from a state.
pub(super) fn kept_curves(
    names: &'static [&'static str],
    state: &State,
) -> Result<Curves, StageError> {
    match state.get("curves") {
        Some(flat) => Ok(Curves::from_flat(names, &flat.to_vec1().map_err(tensor_error)?)),
        None => Ok(Curves::new(names)),
    }
}
