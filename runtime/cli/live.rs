//! What a run shows while it runs: bars on a terminal, plain lines off it, JSON if asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{args::Global, labels::labels};
use crate::engine::{Event, Graph, Key, Plan, State as EngineState};

/// The view of a run. Told everything, from several threads.
pub(super) struct Live {
    style: Style,
    state: Mutex<State>,
}

enum Style {
    Bars(MultiProgress),
    Lines { verbose: bool },
    Json,
    Silent,
}

#[derive(Default)]
struct State {
    names: BTreeMap<Key, String>,
    /// Stages that are still to be done.
    pending: BTreeSet<Key>,
    /// How many there were when the plan was shown, and how many have ended since.
    todo: u64,
    done: u64,
    overall: Option<ProgressBar>,
    bars: BTreeMap<Key, ProgressBar>,
}

impl Live {
    /// The view that fits the terminal and the flags.
    pub(super) fn new(global: &Global) -> Self {
        let style = if global.json {
            Style::Json
        } else if global.quiet > 0 {
            Style::Silent
        } else if std::io::stderr().is_terminal() {
            Style::Bars(MultiProgress::new())
        } else {
            Style::Lines { verbose: global.verbose > 0 }
        };
        Self { style, state: Mutex::default() }
    }

    /// Shows a plan: at the start, and again whenever the script has changed.
    pub(super) fn plan(&self, graph: &Graph, plan: &Plan, jobs: usize) {
        let undone = plan.stages.iter().filter(|stage| stage.state != EngineState::Done);
        let pending: BTreeSet<Key> = undone.map(|stage| stage.key).collect();
        let (todo, eta) = (pending.len(), plan.eta(jobs));
        if let Style::Json = &self.style {
            println!(
                "{}",
                json!({ "v": 1, "event": "plan", "trials": plan.trials, "todo": todo,
                        "eta_seconds": eta.seconds })
            );
        }
        let about = match (eta.unknown, eta.seconds) {
            (0, seconds) => format!(", about {}", super::summary::duration_text(seconds)),
            _ => String::new(),
        };
        let opening = format!("{} trials, {todo} stages to run on {jobs} jobs{about}", plan.trials);
        self.begin(labels(graph), pending, &opening);
    }

    /// Begins with stages of these names, of which some are still to be done; `opening` says so
    /// where lines are printed.
    pub(super) fn begin(
        &self,
        names: BTreeMap<Key, String>,
        pending: BTreeSet<Key>,
        opening: &str,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let todo = pending.len() as u64;
        (state.names, state.pending, state.todo, state.done) = (names, pending, todo, 0);
        match &self.style {
            Style::Bars(bars) if todo > 0 => {
                let overall = state.overall.get_or_insert_with(|| {
                    bars.add(ProgressBar::new(0).with_style(overall_style()))
                });
                overall.set_length(todo);
                overall.set_position(0);
                overall.reset_eta();
                overall.enable_steady_tick(Duration::from_millis(250));
            }
            Style::Lines { .. } if todo > 0 => eprintln!("{opening}"),
            _ => {}
        }
    }

    /// Shows an event of the execution.
    pub(super) fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Finished { key, .. }
        | Event::Failed { key, .. }
        | Event::Blocked { key, .. } = event
        {
            // What was done before the plan was shown is no news.
            if !state.pending.remove(key) {
                return;
            }
            state.done += 1;
        }
        match &self.style {
            Style::Bars(bars) => state.draw(bars, event),
            Style::Lines { verbose } => state.line(event, *verbose),
            Style::Json => {
                let mut line = json!(event);
                line["v"] = json!(1);
                println!("{line}");
            }
            Style::Silent => {
                if let Event::Failed { message, .. } = event {
                    eprintln!("error: {message}");
                }
            }
        }
    }

    /// A sentence between the events.
    pub(super) fn say(&self, text: &str) {
        match &self.style {
            Style::Bars(bars) => bars.suspend(|| eprintln!("{text}")),
            Style::Lines { .. } => eprintln!("{text}"),
            Style::Json => println!("{}", json!({ "v": 1, "event": "note", "text": text })),
            Style::Silent => {}
        }
    }

    /// Runs `print` with the bars out of the way.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        match &self.style {
            Style::Bars(bars) => bars.suspend(print),
            _ => print(),
        }
    }

    /// Takes the bars away.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.overall = None;
        state.bars.clear();
        if let Style::Bars(bars) = &self.style {
            // A terminal that cannot be cleared keeps the bars: nothing is lost.
            let _ = bars.clear();
        }
    }
}

impl State {
    fn name(&self, key: &Key) -> String {
        self.names.get(key).cloned().unwrap_or_else(|| key.short())
    }

    fn draw(&mut self, bars: &MultiProgress, event: &Event) {
        match event {
            Event::Started { key, .. } => {
                let bar = ProgressBar::new(0).with_style(stage_style()).with_prefix(self.name(key));
                self.bars.insert(*key, bars.add(bar));
            }
            Event::Progress { key, progress } => {
                if let Some(bar) = self.bars.get(key) {
                    bar.set_length(progress.total);
                    bar.set_position(progress.done);
                    bar.set_message(progress.note.clone());
                }
            }
            Event::Finished { key, .. }
            | Event::Failed { key, .. }
            | Event::Blocked { key, .. } => {
                if let Some(bar) = self.bars.remove(key) {
                    bar.finish_and_clear();
                }
                if let Some(overall) = &self.overall {
                    overall.set_position(self.done);
                }
                if let Event::Failed { message, .. } = event {
                    bars.suspend(|| eprintln!("error: {message}"));
                }
            }
        }
    }

    fn line(&self, event: &Event, verbose: bool) {
        let count = format!("[{}/{}]", self.done, self.todo);
        match event {
            Event::Started { key, slot, .. } if verbose => {
                eprintln!("start {} on {}", self.name(key), slot.device);
            }
            Event::Finished { key, seconds, cached } => {
                let how = if *cached { "found" } else { "done" };
                let time = super::summary::duration_text(*seconds);
                eprintln!("{count} {how} {} ({time})", self.name(key));
            }
            Event::Failed { key, message } => {
                eprintln!("{count} FAILED {}: {message}", self.name(key));
            }
            Event::Blocked { key, because } => {
                eprintln!("{count} blocked {} by {}", self.name(key), self.name(because));
            }
            Event::Started { .. } | Event::Progress { .. } => {}
        }
    }
}

fn overall_style() -> ProgressStyle {
    style("{bar:32.cyan/dim} {pos}/{len} stages  {elapsed} elapsed, {eta} left")
}

fn stage_style() -> ProgressStyle {
    style("  {prefix:36} {bar:20} {pos:>5}/{len:<5} {eta:>4} left  {msg}")
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}
