//! Worker processes: a crash, a leak or a kill in one stage leaves the others alone.

use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    error::EngineError,
    host,
    key::Key,
    launch::{Launch, Launched, Slot},
    store::Store,
    wire::Line,
    work::Progress,
};

/// Runs each stage as `<exe> <args…> stage <key> --store <root> --worker`. The worker's standard
/// input stays open for as long as the parent lives and wants the result.
#[derive(Clone, Debug)]
pub struct ProcessLauncher {
    /// The program.
    pub exe: PathBuf,
    /// Arguments before `stage`.
    pub args: Vec<String>,
    /// Folder of the store.
    pub store: PathBuf,
    /// Physical names of the CUDA devices by our ordinal, when the parent itself sees only some
    /// (its `CUDA_VISIBLE_DEVICES`); otherwise the ordinal is the name.
    pub visible_devices: Option<Vec<String>>,
    /// Time a worker has to save a checkpoint and end before it is killed.
    pub grace: Duration,
    /// Further arguments of every worker, after all others.
    pub more: Vec<String>,
    /// Kills workers before their time, to see whether anything is lost; usually none.
    pub lifetimes: Option<Lifetimes>,
}

/// Says how long the worker of a stage may live; `None` for as long as it likes.
type Lifetime = dyn Fn(&Key) -> Option<Duration> + Send + Sync;

/// How long workers may live, asked at each launch.
#[derive(Clone)]
pub struct Lifetimes(pub Arc<Lifetime>);

impl fmt::Debug for Lifetimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lifetimes")
    }
}

impl ProcessLauncher {
    /// Launches this program itself, the very code that runs now even if its file is replaced.
    pub fn this_program(store: &Store) -> Self {
        Self::new(host::program(), Vec::new(), store)
    }

    /// Launches `exe` with `args` before `stage`.
    pub fn new(exe: PathBuf, args: Vec<String>, store: &Store) -> Self {
        let store = store.root().to_owned();
        let grace = Duration::from_secs(20);
        Self { exe, args, store, visible_devices: None, grace, more: Vec::new(), lifetimes: None }
    }

    fn command(&self, key: &Key, slot: &Slot) -> Command {
        let mut command = Command::new(&self.exe);
        command.args(&self.args).arg("stage").arg(key.to_string());
        command.arg("--store").arg(&self.store).arg("--worker");
        command.args(&self.more);
        let threads = slot.threads.to_string();
        // candle's own pool waits by spinning: on a machine that is shared, half the time is spent
        // so (measured in a training beside other programs). Our ops run on rayon, which sleeps.
        command.env("RAYON_NUM_THREADS", &threads).env("CANDLE_NUM_THREADS", "1");
        // Tensors come and go by the thousand: glibc would map and unmap each large one, and give
        // every thread a heap of its own.
        command.env("MALLOC_MMAP_THRESHOLD_", "1073741824");
        command.env("MALLOC_TRIM_THRESHOLD_", "4294967296").env("MALLOC_ARENA_MAX", "1");
        command.env("CUDA_VISIBLE_DEVICES", self.visible(slot));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The one device the worker may see; none on the CPU.
    fn visible(&self, slot: &Slot) -> String {
        let Some(ordinal) = slot.ordinal() else { return String::new() };
        let name = self.visible_devices.as_ref().and_then(|names| names.get(ordinal));
        name.cloned().unwrap_or_else(|| ordinal.to_string())
    }
}

impl Launch for ProcessLauncher {
    fn launch(
        &self,
        key: &Key,
        slot: &Slot,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &AtomicBool,
    ) -> Result<Launched, EngineError> {
        let failed = |source| EngineError::Launch { exe: self.exe.clone(), source };
        let mut child = self.command(key, slot).spawn().map_err(failed)?;
        let lifetime = self.lifetimes.as_ref().and_then(|lifetimes| lifetimes.0(key));
        let dies = lifetime.map(|lifetime| Instant::now() + lifetime);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            let (sender, lines) = channel();
            scope.spawn(move || out.map(|out| forward_lines(out, &sender)));
            let last_words = scope.spawn(move || err.map(last_words).unwrap_or_default());
            let end = Watch { progress, stop, grace: self.grace, dies }.follow(&mut child, &lines);
            let (status, end) = end.map_err(failed)?;
            let words = last_words.join().unwrap_or_default();
            Ok(end.unwrap_or_else(|| death(key, status, &words)))
        })
    }
}

/// How often a quiet worker is looked at and `stop` is read.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of a worker's standard error that are kept for the report of its death.
const LAST_WORDS: usize = 2000;

struct Watch<'a> {
    progress: &'a (dyn Fn(Progress) + Sync),
    stop: &'a AtomicBool,
    grace: Duration,
    /// When it is killed, if it is to be killed.
    dies: Option<Instant>,
}

impl Watch<'_> {
    /// Passes progress on until the worker has ended; closes its input on stop, kills it later.
    fn follow(
        &self,
        child: &mut Child,
        lines: &Receiver<Line>,
    ) -> std::io::Result<(ExitStatus, Option<Launched>)> {
        let mut end = None;
        let mut stopped: Option<Instant> = None;
        loop {
            let left = self.dies.map(|dies| dies.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                child.kill()?;
            }
            match lines.recv_timeout(left.filter(|left| !left.is_zero()).unwrap_or(LOOK).min(LOOK))
            {
                Ok(Line::Progress(progress)) => (self.progress)(progress),
                Ok(line) => end = line.end(),
                Err(RecvTimeoutError::Timeout) => {}
                // The output is closed: the worker is ending, or hangs with its output closed.
                Err(RecvTimeoutError::Disconnected) => {
                    if let Some(status) = child.try_wait()? {
                        return Ok((status, end));
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            }
            if stopped.is_none() && self.stop.load(Ordering::SeqCst) {
                drop(child.stdin.take());
                stopped = Some(Instant::now());
            }
            if stopped.is_some_and(|since| since.elapsed() > self.grace) {
                child.kill()?;
            }
        }
    }
}

fn forward_lines(out: impl Read, sender: &Sender<Line>) {
    for text in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some(line) = Line::parse(&text)
            && sender.send(line).is_err()
        {
            return;
        }
    }
}

/// The end of what a worker writes to standard error.
fn last_words(mut err: impl Read) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(bytes @ 1..) = err.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..bytes]);
        kept.drain(..kept.len().saturating_sub(LAST_WORDS));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// A worker that ended without saying how.
fn death(key: &Key, status: ExitStatus, words: &str) -> Launched {
    let key = key.short();
    let said = if words.is_empty() { String::new() } else { format!("; it said: {words}") };
    let message = format!(
        "the worker of stage `{key}` died ({status}); run again to continue from its checkpoint{said}"
    );
    Launched::Failed { code: 1, message }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_worker_sees_its_own_device_and_threads_only() {
        let mut launcher = ProcessLauncher::this_program(&Store::at(Path::new("lab/store")));
        let key = Key::of(b"stage");
        let environment = |launcher: &ProcessLauncher, device: &str| {
            let slot = Slot { device: device.into(), index: 0, threads: 3 };
            let command = launcher.command(&key, &slot);
            let value = |name: &str| {
                let mut set = command.get_envs().filter(|(set, _)| *set == name);
                set.next().and_then(|(_, value)| value).map(std::ffi::OsStr::to_owned)
            };
            ["CUDA_VISIBLE_DEVICES", "RAYON_NUM_THREADS"].map(|name| value(name).unwrap())
        };
        assert_eq!(environment(&launcher, "cpu"), ["", "3"]);
        assert_eq!(environment(&launcher, "cuda:1"), ["1", "3"]);
        launcher.visible_devices = Some(vec!["4".into(), "GPU-a".into()]);
        assert_eq!(environment(&launcher, "cuda:1"), ["GPU-a", "3"]);

        let slot = Slot { device: "cpu".into(), index: 0, threads: 1 };
        let command = launcher.command(&key, &slot);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        let key = key.to_string();
        assert_eq!(args, ["stage", &key, "--store", "lab/store", "--worker"]);
    }
}
