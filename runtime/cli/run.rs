//! `ffrun run`: compute what is missing and write the report, again and again while it grows.

use std::{
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
    claims,
    config::Settings,
    exit::Exit,
    laboratory::Laboratory,
    live::Live,
    machine, memory, report,
    signals::Signals,
    summary, watch,
};
use crate::{
    engine::{Event, Execution, Plan, ProcessLauncher, SharedGraph, Slot, Summary, execute},
    script::Experiment,
};

/// Runs the verb.
pub(super) fn run(
    args: &args::Run,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let mut lab = Laboratory::open(&args.experiment, settings)?;
    if args.watch {
        lab.options.stdlib = watch::stdlib_folder(&lab);
    }
    let experiment = lab.load()?;
    let jobs = args.jobs.or(settings.file.jobs);
    let crew = Crew::new(&lab, global, slots(&lab, jobs));
    if args.watch {
        return watch::watch(&lab, experiment, &crew, global);
    }
    let summary = crew.once(&lab, &experiment)?;
    crew.live.clear();
    let written = report::write(&lab, &experiment, None)?;
    summary::print(&lab, &experiment, &written, global);
    Ok(ExitCode::from(match summary.exit_code() {
        0 => claims::exit_code(&written.claims, args.strict),
        130 => crew.signals.exit_code(),
        code => code,
    }))
}

/// One slot per job on the CPU, each with its share of the cores; one per GPU otherwise.
fn slots(lab: &Laboratory, jobs: Option<usize>) -> Vec<Slot> {
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
    slots: Vec<Slot>,
    launcher: ProcessLauncher,
    /// What the user sees.
    pub(super) live: Live,
    /// What the user asks for.
    pub(super) signals: Signals,
}

impl Crew {
    fn new(lab: &Laboratory, global: &Global, slots: Vec<Slot>) -> Self {
        Self {
            slots,
            launcher: ProcessLauncher::this_program(&lab.store),
            live: Live::new(global),
            signals: Signals::listen(),
        }
    }

    /// Shows the plan of an experiment and notes that its stages are wanted.
    pub(super) fn announce(&self, lab: &Laboratory, experiment: &Experiment) -> Result<Plan, Exit> {
        let plan = Plan::of(&experiment.graph, &lab.store)?;
        memory::check(lab, &experiment.graph, &plan)?;
        if plan.to_run().next().is_some() {
            let keys: Vec<_> = plan.stages.iter().map(|stage| stage.key).collect();
            lab.store.remember_plan(&experiment.name, &keys)?;
        }
        self.live.plan(&experiment.graph, &plan, self.slots.len());
        Ok(plan)
    }

    /// Runs one experiment to its end, rewriting the report as trials finish.
    fn once(&self, lab: &Laboratory, experiment: &Experiment) -> Result<Summary, Exit> {
        let plan = self.announce(lab, experiment)?;
        if plan.counts().done == plan.stages.len() {
            return Ok(Summary::default());
        }
        // A mistake in `report` or `claims` shows before anything is computed, not hours later.
        report::write(lab, experiment, None)?;
        let graph = SharedGraph::new(experiment.graph.clone());
        let (news, heard) = channel();
        let clock = Clock::new(plan.eta(self.slots.len()).seconds);
        thread::scope(|scope| {
            scope.spawn(|| {
                self.keep_reporting(heard, &|| {
                    report::write(lab, experiment, clock.left(lab, experiment)).map(drop)
                });
            });
            self.work(lab, &graph, news)
        })
    }

    /// Executes what is missing of the graph; every finished trial is news.
    pub(super) fn work(
        &self,
        lab: &Laboratory,
        graph: &SharedGraph,
        news: Sender<()>,
    ) -> Result<Summary, Exit> {
        let news = Mutex::new(news);
        let observer = |event: Event| {
            self.live.event(&event);
            if let Event::Finished { .. } = event {
                // The reporter may have gone with a failure of its own, which it told itself.
                let _ = news.lock().unwrap_or_else(PoisonError::into_inner).send(());
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

    /// Rewrites the report when there is news, at most once a second, until the sender is gone.
    #[allow(clippy::needless_pass_by_value, reason = "the receiver lives on this thread")]
    pub(super) fn keep_reporting(&self, heard: Receiver<()>, write: &dyn Fn() -> Result<(), Exit>) {
        const CALM: Duration = Duration::from_secs(1);
        loop {
            match heard.recv_timeout(Duration::from_secs(3600)) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let began = Instant::now();
            while heard.try_recv().is_ok() {}
            if let Err(exit) = write() {
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
