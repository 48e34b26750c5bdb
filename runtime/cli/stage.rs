//! `ffrun stage`: compute one frozen stage. The only unit of work, here and on a cluster.

use std::{process::ExitCode, sync::Mutex, thread, time::Duration};

use super::{args::StageArgs, config::Settings, exit::Exit, signals::Signals};
use crate::{
    engine::{Done, EngineError, Key, Progress, Store, run_one, serve},
    stages::Stages,
};

/// candle walks graphs recursively; a few thousand chained ops overflow a default 2 MiB stack,
/// and an overflow aborts the process.
const STACK_BYTES: usize = 512 << 20;

/// Runs the verb.
pub(super) fn stage(args: &StageArgs, settings: &Settings) -> Result<ExitCode, Exit> {
    let store = Store::at(&settings.store);
    let key = find(&store, &args.key)?;
    let stages =
        Stages { checkpoint_every: Duration::from_secs_f64(args.checkpoint_every.max(0.0)) };
    let signals = Signals::listen();
    let outcome = Mutex::new(None);
    thread::scope(|scope| {
        let work = || {
            let done = if args.worker {
                serve(&store, &key, &stages, &signals.stop)
            } else {
                run_one(&store, &key, &stages, &say, &signals.stop)
            };
            *outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(done);
        };
        thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).map(drop)
    })
    .map_err(|error| Exit::failed(format!("cannot start a thread: {error}")))?;
    let outcome = outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    finish(outcome, args.worker)
}

fn finish(outcome: Option<Result<Done, EngineError>>, worker: bool) -> Result<ExitCode, Exit> {
    match outcome {
        Some(Ok(_)) => Ok(ExitCode::SUCCESS),
        // The parent has been told over the protocol; a second message would only be noise.
        Some(Err(error)) if worker => Ok(ExitCode::from(error.exit_code())),
        Some(Err(error)) => Err(error.into()),
        None => Err(Exit::failed("the stage's thread ended without a word")),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what the engine calls")]
fn say(progress: Progress) {
    eprintln!("{}/{} {}", progress.done, progress.total, progress.note);
}

/// The key that is meant by its first digits.
pub(super) fn find(store: &Store, text: &str) -> Result<Key, Exit> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let matching: Vec<Key> =
        store.keys()?.into_iter().filter(|key| key.to_string().starts_with(text)).collect();
    match matching.as_slice() {
        [key] => Ok(*key),
        [] => Err(Exit::usage(format!(
            "no stage `{text}` in the store `{}`; `ffrun plan` lists the keys of an experiment",
            store.root().display()
        ))),
        several => Err(Exit::usage(format!(
            "`{text}` begins the keys of {} stages; give more digits",
            several.len()
        ))),
    }
}
