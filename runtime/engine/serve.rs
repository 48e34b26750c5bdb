//! The worker's side of a worker process: run one stage, speak to the parent, die with it.

use std::{
    io::{Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    error::EngineError,
    key::Key,
    store::Store,
    wire::Line,
    work::{Progress, RunStage},
    worker::{Done, run_one},
};

/// Runs one stage as the worker of a [`super::ProcessLauncher`]: progress and the end go to
/// standard output as JSON lines; when standard input ends, the parent has asked for a stop or is
/// dead, and the stage is stopped. A stage that does not heed it ends with the process. Where
/// nobody holds the input open, as under a batch system, use [`run_one`] instead.
///
/// # Errors
/// As [`run_one`]; the parent has been told already.
pub fn serve(
    store: &Store,
    key: &Key,
    runner: &dyn RunStage,
    stop: &Arc<AtomicBool>,
) -> Result<Done, EngineError> {
    stop_at_end_of_input(Arc::clone(stop));
    let throttle = Throttle::default();
    let progress = |progress: Progress| {
        if throttle.lets_pass(&progress) {
            say(&Line::Progress(progress));
        }
    };
    let done = run_one(store, key, runner, &progress, stop);
    say(&match &done {
        Ok(Done::Computed(record)) => Line::Done { seconds: record.seconds, cached: false },
        Ok(Done::AlreadyDone(record)) => Line::Done { seconds: record.seconds, cached: true },
        Err(EngineError::Busy { .. }) => Line::Busy,
        Err(error) => Line::Failed { code: error.exit_code(), message: error.to_string() },
    });
    done
}

/// How long a stage may take to heed a stop after its parent is gone.
const ORPHAN_GRACE: Duration = Duration::from_secs(10);

/// Progress lines are for people: more than ten a second only cost time.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

fn stop_at_end_of_input(stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut sink = [0; 256];
        while std::io::stdin().lock().read(&mut sink).is_ok_and(|bytes| bytes > 0) {}
        stop.store(true, Ordering::SeqCst);
        thread::sleep(ORPHAN_GRACE);
        std::process::exit(130);
    });
}

fn say(line: &Line) {
    let mut out = std::io::stdout().lock();
    // A parent that no longer listens is dead; end of input stops the stage.
    let _ = writeln!(out, "{}", line.text()).and_then(|()| out.flush());
}

#[derive(Default)]
struct Throttle {
    last: Mutex<Option<Instant>>,
}

impl Throttle {
    fn lets_pass(&self, progress: &Progress) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL);
        if due || progress.done == progress.total {
            *last = Some(Instant::now());
            return true;
        }
        false
    }
}
