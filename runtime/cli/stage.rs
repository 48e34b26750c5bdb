//! `ffrun stage`: compute one frozen stage. The only unit of work, here and on a cluster.

use std::{process::ExitCode, time::Duration};

use super::{args::StageArgs, config::Settings, exit::Exit, signals::Signals};
use crate::{
    engine::{Done, EngineError, Key, Progress, Store, run_one, serve},
    stages::Stages,
};

/// candle walks graphs recursively; a few thousand chained ops overflow a default 2 MiB stack,
/// and an overflow aborts the process. Memory is taken as the stack grows.
const STACK_BYTES: usize = 64 << 20;

/// Runs the verb.
pub(super) fn stage(args: &StageArgs, settings: &Settings) -> Result<ExitCode, Exit> {
    let store = Store::at(&settings.store);
    let key = find(&store, &args.key)?;
    let stages =
        Stages { checkpoint_every: Duration::from_secs_f64(args.checkpoint_every.max(0.0)) };
    let signals = Signals::listen();
    // Our ops divide their work with rayon: called from one of its own threads, each starts at once
    // instead of waking the pool and waiting for it.
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|error| Exit::failed(format!("cannot start threads: {error}")))?;
    let done = pool.install(|| {
        if args.worker {
            serve(&store, &key, &stages, &signals.stop)
        } else {
            run_one(&store, &key, &stages, &say, &signals.stop)
        }
    });
    finish(done, args.worker)
}

fn finish(outcome: Result<Done, EngineError>, worker: bool) -> Result<ExitCode, Exit> {
    match outcome {
        Ok(_) => Ok(ExitCode::SUCCESS),
        // The parent has been told over the protocol; a second message would only be noise.
        Err(error) if worker => Ok(ExitCode::from(error.exit_code())),
        Err(error) => Err(error.into()),
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
