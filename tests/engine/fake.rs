//! A stage runner whose work can be counted, stopped, failed and resumed.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ffrun::engine::{
    EngineError, Graph, InProcess, Key, Launch, Launched, Progress, RunStage, Slot, Stage,
    StageError, Store, Trial, Work, run_one, worker::Done,
};
use serde_json::{Value, json};

/// Runs a stage of `steps` steps, each mixing a number further; a checkpoint after each step.
/// The result `out/value` depends on every step and on every input. Every step is noted in a log
/// beside the store, so that tests see what was computed, how often and by which process.
pub(super) struct Fake {
    log: PathBuf,
}

impl Fake {
    pub(super) fn new(log: &Path) -> Self {
        Self { log: log.to_owned() }
    }

    /// The lines `kind key process step` of all that was ever computed.
    pub(super) fn steps(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How often each step of each stage was computed.
    pub(super) fn times(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        for line in self.steps() {
            let words: Vec<&str> = line.split(' ').collect();
            *times.entry(format!("{} {}", words[1], words[3])).or_default() += 1;
        }
        times
    }

    fn note(&self, line: &str) {
        let file = OpenOptions::new().create(true).append(true).open(&self.log);
        // One write, so that lines of several processes do not mix.
        file.unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

impl RunStage for Fake {
    fn run(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        let number = |name: &str| stage.spec[name].as_u64().unwrap_or(0);
        let (steps, pause) = (number("steps"), Duration::from_millis(number("pause_ms")));
        let checkpoint = work.scratch.join("checkpoint");
        let (mut step, mut value) = read_pair(&checkpoint).unwrap_or((0, start(work)));
        while step < steps {
            if work.stop.load(Ordering::SeqCst) {
                return Err(StageError::Interrupted);
            }
            thread::sleep(pause);
            let process = std::process::id();
            self.note(&format!("{} {} {process} {step}", stage.kind, stage.key().short()));
            value = mix(value ^ number("salt") ^ step);
            step += 1;
            ffrun::engine::files::write_atomic(&checkpoint, format!("{step} {value}").as_bytes())?;
            (work.progress)(Progress { done: step, total: steps, note: format!("at {value}") });
        }
        match stage.spec["ends"].as_str().unwrap_or_default() {
            "failed" => return Err(StageError::Failed("the loss is not a number".into())),
            "environment" => return Err(StageError::Environment("no such weights".into())),
            "later" => return Err(StageError::TryAgain("the server is busy".into())),
            "panic" => panic!("index out of range"),
            "full" => return Err(full_disk().into()),
            _ => {}
        }
        fs::create_dir_all(work.out.join("more")).unwrap();
        fs::write(work.out.join("value"), value.to_string()).unwrap();
        fs::write(work.out.join("more/steps.csv"), "step\n".repeat(steps as usize)).unwrap();
        Ok(())
    }
}

/// What the system says when a disk is full, from the device that is always full.
fn full_disk() -> EngineError {
    let path = Path::new("/dev/full");
    let written = OpenOptions::new().write(true).open(path).and_then(|mut f| f.write_all(b"x"));
    EngineError::io("write", path, written.unwrap_err())
}

fn start(work: &Work<'_>) -> u64 {
    let read = |dir: &PathBuf| fs::read_to_string(dir.join("value")).unwrap();
    work.inputs.values().map(|dir| read(dir).parse::<u64>().unwrap()).fold(7, |a, b| mix(a ^ b))
}

fn read_pair(path: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(path).ok()?;
    let (step, value) = text.split_once(' ')?;
    Some((step.parse().ok()?, value.parse().ok()?))
}

fn mix(x: u64) -> u64 {
    (x ^ (x >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17)
}

/// A store in a folder of its own, with a fake runner.
pub(super) struct Bench {
    pub(super) dir: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) fake: Fake,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(&dir.path().join("store"));
        let fake = Fake::new(&dir.path().join("log"));
        Self { dir, store, fake }
    }

    pub(super) fn launcher(&self) -> InProcess<'_> {
        InProcess { store: &self.store, runner: &self.fake }
    }

    /// Freezes and runs a stage in this process.
    pub(super) fn run(&self, stage: &Stage) -> Result<Done, EngineError> {
        self.run_until(stage, &AtomicBool::new(false))
    }

    pub(super) fn run_until(&self, stage: &Stage, stop: &AtomicBool) -> Result<Done, EngineError> {
        self.store.entry(&stage.key()).freeze(stage)?;
        run_one(&self.store, &stage.key(), &self.fake, &|_| {}, stop)
    }

    pub(super) fn value(&self, key: &Key) -> String {
        fs::read_to_string(self.store.entry(key).out().join("value")).unwrap()
    }

    pub(super) fn file(&self, key: &Key, name: &str) -> PathBuf {
        self.store.entry(key).dir().join(name)
    }
}

/// A launcher that stops the execution after a number of launches.
pub(super) struct StopAfter<'a> {
    pub(super) inner: InProcess<'a>,
    pub(super) left: std::sync::atomic::AtomicUsize,
}

impl Launch for StopAfter<'_> {
    fn launch(
        &self,
        key: &Key,
        slot: &Slot,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &AtomicBool,
    ) -> Result<Launched, EngineError> {
        let end = self.inner.launch(key, slot, progress, stop);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            stop.store(true, Ordering::SeqCst);
        }
        end
    }
}

pub(super) fn stage(kind: &str, spec: Value) -> Stage {
    Stage::new(kind, 1, spec)
}

pub(super) fn cpu_slots(count: usize) -> Vec<Slot> {
    (0..count).map(|index| Slot { device: "cpu".into(), index, threads: 1 }).collect()
}

/// An experiment like the real ones: one set of faces, and per trial a training and a
/// measurement. `pause_ms` per step.
pub(super) fn sweep(elements: &[u64], seeds: u64, pause_ms: u64) -> Graph {
    let mut graph = Graph::default();
    let faces = graph.add(stage("faces", json!({ "identities": 8, "steps": 1 })));
    for elements in elements {
        for seed in 0..seeds {
            let model = json!({ "elements": elements, "width": 64 });
            let spec = json!({ "model": model, "seed": seed, "steps": 2, "pause_ms": pause_ms });
            let fitted = graph.add(stage("train", spec).reading("faces", faces));
            let evaluate = stage("evaluate", json!({ "bins": [0, 30, 60], "steps": 1 }));
            let output = graph.add(evaluate.reading("faces", faces).reading("fitted", fitted));
            let settings = BTreeMap::from([("elements".to_owned(), json!(elements))]);
            graph.push_trial(Trial { settings, seed, output });
        }
    }
    graph
}
