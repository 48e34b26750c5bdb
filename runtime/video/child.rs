//! A child process that decodes: drained, watched, and killed when it stalls or a stop is asked for.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a child may stay without progress.
pub(super) const STALL: Duration = Duration::from_secs(60);
/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Lines of complaint that are kept: the first name the cause, the rest repeat it.
const LINES: usize = 4;
/// Bytes of a line that are kept.
const LINE_BYTES: u64 = 400;

/// How a child ended.
#[derive(Debug)]
pub(super) struct End {
    /// Its exit status.
    pub(super) status: ExitStatus,
    /// What it complained about, without addresses.
    pub(super) words: Vec<String>,
    /// The last `frame=` of its progress.
    pub(super) frames: usize,
    /// Whether it was killed for want of progress.
    pub(super) stalled: bool,
}

/// The sign of life that the reader of a child's output gives.
#[derive(Debug)]
pub(super) struct Pulse {
    began: Instant,
    last_ms: AtomicU64,
    busy: AtomicBool,
}

impl Pulse {
    fn new() -> Self {
        Self { began: Instant::now(), last_ms: AtomicU64::new(0), busy: AtomicBool::new(false) }
    }

    /// Runs work during which the child need not make progress, since its reader does not read.
    pub(super) fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        self.busy.store(true, Ordering::SeqCst);
        let done = work();
        self.beat();
        self.busy.store(false, Ordering::SeqCst);
        done
    }

    fn beat(&self) {
        self.last_ms.store(self.began.elapsed().as_millis() as u64, Ordering::SeqCst);
    }

    fn stalled(&self) -> bool {
        let last = Duration::from_millis(self.last_ms.load(Ordering::SeqCst));
        !self.busy.load(Ordering::SeqCst) && self.began.elapsed().saturating_sub(last) > STALL
    }
}

/// Runs `command`; `talk` has its input and its output, and the child is waited for when it returns.
///
/// # Errors
/// When it could not be started.
pub(super) fn run<T>(
    mut command: Command,
    stop: &AtomicBool,
    talk: impl FnOnce(Option<ChildStdin>, Option<ChildStdout>, &Pulse) -> T,
) -> io::Result<(T, End)> {
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (child, pulse) = (Mutex::new(child), Pulse::new());
    thread::scope(|scope| {
        let (done, over) = channel::<()>();
        let (child, pulse) = (&child, &pulse);
        let words =
            scope.spawn(move || errors.map(|lines| listen(lines, pulse)).unwrap_or_default());
        let watch = scope.spawn(move || guard(child, pulse, stop, &over));
        let told = talk(input, output, pulse);
        let status = wait(child);
        drop(done);
        let stalled = watch.join().unwrap_or(false);
        let (words, frames) = words.join().unwrap_or_default();
        Ok((told, End { status: status?, words, frames, stalled }))
    })
}

/// Kills the child when a stop is asked for or it stalls; says whether it stalled.
fn guard(child: &Mutex<Child>, pulse: &Pulse, stop: &AtomicBool, over: &Receiver<()>) -> bool {
    loop {
        if over.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
            return false;
        }
        let stalled = pulse.stalled();
        if stalled || stop.load(Ordering::SeqCst) {
            // A child that cannot be killed has ended already.
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
            return stalled;
        }
    }
}

fn wait(child: &Mutex<Child>) -> io::Result<ExitStatus> {
    loop {
        let ended = child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
        match ended {
            Some(status) => return Ok(status),
            None => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Reads complaints and progress until the child closes its standard error.
fn listen(lines: impl Read, pulse: &Pulse) -> (Vec<String>, usize) {
    let (mut words, mut frames) = (Vec::new(), 0);
    let mut reader = BufReader::new(lines);
    let mut line = Vec::new();
    while let Ok(1..) = reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        match text.split_once('=') {
            Some(("frame", number)) => {
                let counted = number.trim().parse().unwrap_or(frames);
                if counted != frames {
                    pulse.beat();
                }
                frames = counted;
            }
            Some((key, _))
                if key.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c)) => {}
            _ if text.is_empty() || words.len() >= LINES => {}
            _ => words.push(without_addresses(&text)),
        }
    }
    (words, frames)
}

/// `[h264 @ 0x55dc26643f00] no frame` → `[h264] no frame`: the same words for the same file.
fn without_addresses(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" @ 0x") else { return text.to_owned() };
    let rest = rest.trim_start_matches(|sign: char| sign.is_ascii_hexdigit());
    format!("{before}{}", without_addresses(rest))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        io::Read,
        process::{Command, Stdio},
        sync::atomic::AtomicBool,
        time::Instant,
    };

    use super::{run, without_addresses};

    #[test]
    fn progress_and_complaints_are_told_apart() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo data; echo frame=7 >&2; echo out_time_us=3 >&2; echo '[a @ 0x1f] bad' >&2; exit 3"]);
        command.stdout(Stdio::piped());
        let ((), end) = run(command, &AtomicBool::new(false), |_, output, _| {
            let mut text = String::new();
            output.unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "data\n");
        })
        .unwrap();
        assert_eq!((end.status.code(), end.frames, end.stalled), (Some(3), 7, false));
        assert_eq!(end.words, ["[a] bad"]);
        assert_eq!(without_addresses("[x @ 0xab] at [y @ 0x1]"), "[x] at [y]");
    }

    #[test]
    fn a_stop_ends_the_child() {
        let mut command = Command::new("sh");
        command.args(["-c", "exec sleep 30"]).stdout(Stdio::piped());
        let (began, stop) = (Instant::now(), AtomicBool::new(true));
        let ((), end) = run(command, &stop, |_, output, _| {
            let _ = output.unwrap().read_to_end(&mut Vec::new());
        })
        .unwrap();
        assert!(!end.status.success() && began.elapsed().as_secs() < 20);
    }
}
