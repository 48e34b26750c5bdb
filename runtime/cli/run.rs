//! `ffrun run`: compute what is missing and write the report, again and again while it grows.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    laboratory::Laboratory,
    live::Live,
    machine, memory,
    opened::{self, Opened},
    report,
    signals::Signals,
    summary,
    tensorboard::Trials,
    watch,
};
use crate::{
    engine::{
        Event, Execution, Graph, Key, Plan, ProcessLauncher, SharedGraph, Slot, Summary, execute,
    },
    script::Experiment,
};

/// Runs the verb.
pub(super) fn run(
    args: &args::Run,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let jobs = args.jobs.or(settings.file.jobs);
    if args.watch {
        let mut lab = Laboratory::open(&args.experiment, settings)?;
        lab.options.stdlib = watch::stdlib_folder(&lab);
        let experiment = lab.load()?;
        let crew = Crew::new(&lab, global, slots(&lab, jobs));
        return watch::watch(&lab, experiment, &crew, global);
    }
    let opened = Opened::each(&args.experiment, settings)?;
    let lab = &opened[0].lab;
    let crew = Crew::new(lab, global, slots(lab, jobs));
    let events = args.tensorboard.as_deref().map(Trials::under);
    let summary = crew.once(&opened, events)?;
    crew.live.clear();
    let code = summary::conclude(&opened, args.strict, global)?;
    Ok(ExitCode::from(match summary.exit_code() {
        0 => code,
        130 => crew.signals.exit_code(),
        failure => failure,
    }))
}

/// One slot per job on the CPU, each with its share of the cores; one per GPU otherwise.
pub(super) fn slots(lab: &Laboratory, jobs: Option<usize>) -> Vec<Slot> {
    let cores = machine::cores();
    let on_cpu = lab.devices.iter().all(|device| device == "cpu");
    let count = match jobs {
        Some(jobs) => jobs.max(1),
        None if on_cpu => cores,
        None => lab.devices.len(),
    };
    let device = |index: usize| lab.devices[index % lab.devices.len()].clone();
    let threads = (cores / count).max(1);
    (0..count).map(|index| Slot { device: device(index), index, threads }).collect()
}

/// Who works: the slots, the launcher, the view and the signals.
pub(super) struct Crew {
    pub(super) slots: Vec<Slot>,
    pub(super) launcher: ProcessLauncher,
    /// What the user sees.
    pub(super) live: Live,
    /// What the user asks for.
    pub(super) signals: Signals,
}

impl Crew {
    /// A crew at the store of this laboratory.
    pub(super) fn new(lab: &Laboratory, global: &Global, slots: Vec<Slot>) -> Self {
        Self {
            slots,
            launcher: ProcessLauncher::this_program(&lab.store),
            live: Live::new(global),
            signals: Signals::listen(),
        }
    }

    /// Shows the plan of a graph and notes that these experiments want their stages.
    pub(super) fn announce(
        &self,
        lab: &Laboratory,
        graph: &Graph,
        wanted: &[&Experiment],
    ) -> Result<Plan, Exit> {
        let plan = Plan::of(graph, &lab.store)?;
        memory::check(lab, graph, &plan)?;
        if plan.to_run().next().is_some() {
            for experiment in wanted {
                let keys: Vec<Key> = experiment.graph.stages().map(|(key, _)| *key).collect();
                lab.store.remember_plan(&experiment.name, &keys)?;
            }
        }
        self.live.plan(graph, &plan, self.slots.len());
        Ok(plan)
    }

    /// Runs experiments to their end, sharing stages, rewriting a report as its trials finish.
    fn once(&self, opened: &[Opened], events: Option<Trials>) -> Result<Summary, Exit> {
        let lab = &opened[0].lab;
        let graph = opened::union(opened)?;
        let wanted: Vec<&Experiment> = opened.iter().map(|one| &one.experiment).collect();
        let plan = self.announce(lab, &graph, &wanted)?;
        if plan.counts().done == plan.stages.len() {
            if let Some(mut events) = events {
                events.follow(opened)?;
            }
            return Ok(Summary::default());
        }
        let alone = opened.len() == 1;
        let clock = Clock::new(plan.eta(self.slots.len()).seconds);
        let write = |finished: Option<&BTreeSet<Key>>| {
            for Opened { lab, experiment } in opened {
                let outputs = || experiment.graph.trials().iter().map(|trial| &trial.output);
                let touched = finished.is_none_or(|keys| outputs().any(|key| keys.contains(key)));
                // Of one experiment every stage is news, such as pictures of what was generated.
                if touched || alone {
                    let left = alone.then(|| clock.left(lab, experiment)).flatten();
                    report::write(lab, experiment, left)?;
                }
            }
            Ok(())
        };
        // A mistake in `report` or `claims` shows before anything is computed, not hours later.
        write(None)?;
        let graph = SharedGraph::new(graph);
        let (news, heard) = channel();
        thread::scope(|scope| {
            scope.spawn(|| self.keep_reporting(heard, &|keys| write(Some(keys))));
            let (over, end) = channel();
            scope.spawn(move || events.map(|events| self.keep_logging(events, opened, &end)));
            let summary = self.work(lab, &graph, news);
            drop(over);
            summary
        })
    }

    /// Writes event files every few seconds, and a last time when the sender is gone.
    fn keep_logging(&self, mut events: Trials, opened: &[Opened], end: &Receiver<()>) {
        const PACE: Duration = Duration::from_secs(3);
        loop {
            let over = end.recv_timeout(PACE) == Err(RecvTimeoutError::Disconnected);
            if let Err(exit) = events.follow(opened) {
                self.live.aside(|| exit.print());
                return;
            }
            if over {
                return;
            }
        }
    }

    /// Executes what is missing of the graph; every finished trial is news.
    pub(super) fn work(
        &self,
        lab: &Laboratory,
        graph: &SharedGraph,
        news: Sender<Key>,
    ) -> Result<Summary, Exit> {
        let news = Mutex::new(news);
        let observer = |event: Event| {
            self.live.event(&event);
            if let Event::Finished { key, .. } = event {
                // The reporter may have gone with a failure of its own, which it told itself.
                let _ = news.lock().unwrap_or_else(PoisonError::into_inner).send(key);
            }
        };
        Ok(execute(&Execution {
            graph,
            store: &lab.store,
            launcher: &self.launcher,
            slots: self.slots.clone(),
            observer: &observer,
            stop: &self.signals.stop,
        })?)
    }

    /// Rewrites reports when stages have finished, at most once a second, until the sender is gone.
    #[allow(clippy::needless_pass_by_value, reason = "the receiver lives on this thread")]
    pub(super) fn keep_reporting(
        &self,
        heard: Receiver<Key>,
        write: &dyn Fn(&BTreeSet<Key>) -> Result<(), Exit>,
    ) {
        const CALM: Duration = Duration::from_secs(1);
        while let Ok(first) = heard.recv() {
            let began = Instant::now();
            let finished: BTreeSet<Key> = std::iter::once(first).chain(heard.try_iter()).collect();
            if let Err(exit) = write(&finished) {
                self.live.aside(|| exit.print());
            }
            thread::sleep(CALM.saturating_sub(began.elapsed()));
        }
    }
}

/// Tells how long the rest of a run may take, from the share that is done.
struct Clock {
    began: Instant,
    estimate: f64,
}

impl Clock {
    fn new(estimate: f64) -> Self {
        Self { began: Instant::now(), estimate }
    }

    /// Seconds left: by the plan's estimate where it knows, else by the pace so far.
    fn left(&self, lab: &Laboratory, experiment: &Experiment) -> Option<f64> {
        let spent = self.began.elapsed().as_secs_f64();
        if self.estimate > spent {
            return Some(self.estimate - spent);
        }
        let plan = Plan::of(&experiment.graph, &lab.store).ok()?;
        let left = (plan.trials - plan.trials_done) as f64;
        (plan.trials_done > 0).then(|| spent / plan.trials_done as f64 * left)
    }
}
