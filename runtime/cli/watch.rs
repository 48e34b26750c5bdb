//! `--watch`: save the script and see. What is edited decides what happens: a report is drawn
//! again, changed trials are queued, a broken script keeps the last good plan.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use notify::{RecursiveMode, Watcher};

use super::{args::Global, exit::Exit, laboratory::Laboratory, report, run::Crew, summary};
use crate::{
    engine::{Key, SharedGraph, changes},
    script::Experiment,
};

/// Editors write a file in several steps; changes this close together are one.
const BATCH: Duration = Duration::from_millis(60);

/// How often signals are looked at while nothing happens.
const LOOK: Duration = Duration::from_millis(100);

/// The folder the standard library is read from under `--watch`: the one that was named, or
/// `stdlib/` beside the folder of the script, if there is one.
pub(super) fn stdlib_folder(lab: &Laboratory) -> Option<PathBuf> {
    let beside = lab.file.parent().map(|folder| folder.join("..").join("stdlib"));
    lab.options.stdlib.clone().or_else(|| beside.filter(|folder| folder.is_dir()))
}

/// Runs until it is interrupted.
pub(super) fn watch(
    lab: &Laboratory,
    experiment: Experiment,
    crew: &Crew,
    global: &Global,
) -> Result<ExitCode, Exit> {
    let graph = SharedGraph::new(experiment.graph.clone());
    crew.announce(lab, &experiment.graph, &[&experiment])?;
    let current = Mutex::new(Arc::new(experiment));
    let (news, heard) = channel();
    let (wake, woken) = channel();
    let session = Session { lab, crew, graph: &graph, current: &current };
    thread::scope(|scope| {
        scope.spawn(|| {
            // The first report, also when nothing has to run.
            if let Err(exit) = session.write() {
                crew.live.aside(|| exit.print());
            }
            crew.keep_reporting(heard, &|_| session.write());
        });
        scope.spawn({
            let (session, news) = (&session, news.clone());
            move || session.keep_working(&woken, &news)
        });
        let watched = session.follow_edits(&wake);
        drop((news, wake));
        watched
    })?;
    crew.live.clear();
    let experiment = session.experiment();
    let written = report::write(lab, &experiment, None)?;
    summary::print(lab, &experiment, &written, global);
    Ok(ExitCode::from(crew.signals.exit_code()))
}

struct Session<'a> {
    lab: &'a Laboratory,
    crew: &'a Crew,
    graph: &'a SharedGraph,
    current: &'a Mutex<Arc<Experiment>>,
}

impl Session<'_> {
    fn experiment(&self) -> Arc<Experiment> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn announce(&self) -> Result<(), Exit> {
        let experiment = self.experiment();
        self.crew.announce(self.lab, &experiment.graph, &[&experiment]).map(drop)
    }

    fn write(&self) -> Result<(), Exit> {
        let began = Instant::now();
        report::write(self.lab, &self.experiment(), None)?;
        let took = began.elapsed().as_millis();
        self.crew.live.say(&format!("report written in {took} ms"));
        Ok(())
    }

    /// Executes the graph, again whenever it was replaced, until the watching ends.
    fn keep_working(&self, woken: &Receiver<()>, news: &Sender<Key>) {
        loop {
            match self.crew.work(self.lab, self.graph, news.clone()) {
                Ok(done) if done.generation < self.graph.generation() => continue,
                Ok(_) => {}
                Err(exit) => self.crew.live.aside(|| exit.print()),
            }
            if self.crew.signals.stopped() || woken.recv().is_err() {
                return;
            }
            while woken.try_recv().is_ok() {}
        }
    }

    /// Reads the script again after every edit of a file that the last reading read.
    fn follow_edits(&self, wake: &Sender<()>) -> Result<(), Exit> {
        let (seen, edits) = channel();
        let mut watcher = notify::recommended_watcher(move |event| {
            // The session has ended when nobody listens.
            let _ = seen.send(event);
        })
        .map_err(|error| watching_failed(&error))?;
        let mut folders = Vec::new();
        let mut contents = digests(&self.experiment().files);
        loop {
            self.watch_folders(&mut watcher, &mut folders)?;
            if !self.wait_for_edit(&edits) {
                return Ok(());
            }
            let now = digests(&self.experiment().files);
            if now != contents {
                contents = now;
                self.reload(wake);
            }
        }
    }

    /// Watches the folders, not the files: editors replace files.
    fn watch_folders(
        &self,
        watcher: &mut notify::RecommendedWatcher,
        watched: &mut Vec<PathBuf>,
    ) -> Result<(), Exit> {
        for file in &self.experiment().files {
            let folder = match file.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            };
            if !watched.contains(&folder) {
                watcher
                    .watch(&folder, RecursiveMode::NonRecursive)
                    .map_err(|error| watching_failed(&error))?;
                watched.push(folder);
            }
        }
        Ok(())
    }

    /// False when the session is to end.
    fn wait_for_edit(&self, edits: &Receiver<notify::Result<notify::Event>>) -> bool {
        loop {
            if self.crew.signals.stopped() {
                return false;
            }
            match edits.recv_timeout(LOOK) {
                Ok(_) => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        while edits.recv_timeout(BATCH).is_ok() {}
        true
    }

    fn reload(&self, wake: &Sender<()>) {
        let began = Instant::now();
        let next = match self.lab.load() {
            Ok(next) => next,
            Err(exit) => {
                self.crew.live.aside(|| exit.print());
                self.crew.live.say("the last good plan goes on");
                return;
            }
        };
        let old = self.experiment();
        let changed = changes(&old.graph, &next.graph);
        let same = changed.queued.is_empty() && changed.gone.is_empty();
        let graph = next.graph.clone();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        if let Err(exit) = self.write() {
            self.crew.live.aside(|| exit.print());
            self.crew.live.say("the last good report stays");
        }
        if same {
            let took = began.elapsed().as_millis();
            self.crew.live.say(&format!("no stage changed; seen and drawn in {took} ms"));
            return;
        }
        self.crew.live.say(&format!(
            "{} stages kept, {} new, {} gone",
            changed.kept.len(),
            changed.queued.len(),
            changed.gone.len()
        ));
        self.graph.replace(graph);
        if let Err(exit) = self.announce() {
            self.crew.live.aside(|| exit.print());
        }
        // The worker's thread listens for as long as this one sends.
        let _ = wake.send(());
    }
}

/// Contents by file; an unreadable file counts as empty, and reading it again will say why.
fn digests(files: &[PathBuf]) -> BTreeMap<PathBuf, blake3::Hash> {
    let digest = |path: &Path| blake3::hash(&std::fs::read(path).unwrap_or_default());
    files.iter().map(|path| (path.clone(), digest(path))).collect()
}

fn watching_failed(error: &notify::Error) -> Exit {
    Exit::Plain {
        code: 6,
        message: format!(
            "cannot watch files: {error}; on Linux raise fs.inotify.max_user_watches, or run \
             without --watch"
        ),
    }
}
