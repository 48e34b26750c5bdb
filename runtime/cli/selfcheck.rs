//! `ffrun selfcheck`: does an experiment give the same bytes again, and after any number of kills?

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ffrun_models::stream::Stream;
use serde_json::json;

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    labels::labels,
    laboratory::Laboratory,
    report,
    run::{self, Crew},
    summary::duration_text,
};
use crate::{
    engine::{
        EngineError, Event, Execution, Graph, Key, Lifetimes, SharedGraph, Slot, Store, Summary,
        execute, files,
    },
    script::Experiment,
};

/// Seconds a worker takes to start, which may be when it is killed.
const START_SECONDS: f64 = 0.05;

/// Runs the verb.
pub(super) fn selfcheck(
    args: &args::Selfcheck,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let beside = settings.store.parent().unwrap_or(Path::new("")).to_owned();
    let folder = if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside };
    files::create_dir(&folder)?;
    let failed = |source| EngineError::io("create", &folder, source);
    // On the disk of the store, which has room for results; gone when this ends.
    let scratch =
        tempfile::Builder::new().prefix("selfcheck-").tempdir_in(&folder).map_err(failed)?;
    let mut wanted = args.experiment.clone();
    wanted.scale.get_or_insert_with(|| "smoke".to_owned());
    let side = |name: &str| {
        let folder = scratch.path().join(name);
        let (store, runs) = (folder.join("store"), folder.join("runs"));
        Laboratory::open(&wanted, &Settings { store, runs, ..settings.clone() })
    };
    let (plain, other) = (side("plain")?, side("other")?);
    let jobs = args.jobs.or(settings.file.jobs);

    let mut crew = Crew::new(&plain, global, run::slots(&plain, jobs));
    let began = Instant::now();
    let experiment = plain.load()?;
    compute(&crew, &plain, &experiment)?;
    let took = duration_text(began.elapsed().as_secs_f64());
    let count = experiment.graph.stages().count();
    crew.live.say(&format!("undisturbed: {count} stages in {took}"));

    let again = other.load()?;
    let began = Instant::now();
    other.store.root().clone_into(&mut crew.launcher.store);
    let killed = if args.kill {
        kill_and_resume(&mut crew, (&plain, &other), &again, args.kills)?
    } else {
        crew.slots = differently(&crew.slots);
        compute(&crew, &other, &again)?;
        0
    };
    let took = duration_text(began.elapsed().as_secs_f64());
    let found = Found {
        stages: count,
        killed,
        resumed: resumed(&again.graph, &other.store)?,
        differences: differences(&again.graph, &plain.store, &other.store)?
            .into_iter()
            .chain(rows_differ((&plain, &experiment), (&other, &again))?)
            .collect(),
    };
    crew.live.clear();
    crew.live.say(&if args.kill {
        format!(
            "disturbed: {killed} workers killed at random moments, {} stages went on from a \
             checkpoint, in {took}",
            found.resumed
        )
    } else {
        format!("again, with other numbers of jobs and threads: {took}")
    });
    found.tell(args.kill, global)
}

/// Computes everything or fails.
fn compute(crew: &Crew, lab: &Laboratory, experiment: &Experiment) -> Result<(), Exit> {
    crew.announce(lab, &experiment.graph, &[experiment])?;
    let summary = attempt(crew, lab, experiment)?;
    match summary.failed.first() {
        Some(failure) => Err(Exit::Plain { message: failure.message.clone(), code: failure.code }),
        None => Ok(()),
    }
}

/// Computes what is missing as far as it gets. Failures are the caller's to judge: some are wanted.
fn attempt(crew: &Crew, lab: &Laboratory, experiment: &Experiment) -> Result<Summary, Exit> {
    let observer = |event: Event| {
        if !matches!(event, Event::Failed { .. } | Event::Blocked { .. }) {
            crew.live.event(&event);
        }
    };
    let summary = execute(&Execution {
        graph: &SharedGraph::new(experiment.graph.clone()),
        store: &lab.store,
        launcher: &crew.launcher,
        slots: crew.slots.clone(),
        observer: &observer,
        stop: &crew.signals.stop,
    })?;
    if summary.interrupted {
        let message = "interrupted; nothing was found out".to_owned();
        return Err(Exit::Plain { message, code: crew.signals.exit_code() });
    }
    Ok(summary)
}

/// Other numbers of jobs and threads than these slots have: one slot with two threads where there
/// are several, two with one each where there is one.
fn differently(slots: &[Slot]) -> Vec<Slot> {
    let slot = |index, threads| slots.first().map(|slot| Slot { index, threads, ..slot.clone() });
    match slots.len() {
        1 => [slot(0, 1), slot(1, 1)].into_iter().flatten().collect(),
        _ => slot(0, 2).into_iter().collect(),
    }
}

/// Runs again and again while workers are killed at random moments, until all is computed. Each
/// stage is killed at most `kills` times. Says how many died.
fn kill_and_resume(
    crew: &mut Crew,
    (plain, other): (&Laboratory, &Laboratory),
    experiment: &Experiment,
    kills: u32,
) -> Result<usize, Exit> {
    let mut seconds = BTreeMap::new();
    for (key, _) in experiment.graph.stages() {
        let record = plain.store.entry(key).result()?;
        seconds.insert(*key, record.map_or(0.0, |record| record.seconds));
    }
    crew.launcher.lifetimes = Some(lifetimes(seconds, kills));
    // A checkpoint after every step: also the shortest training can be continued.
    crew.launcher.more = vec!["--checkpoint-every".to_owned(), "0".to_owned()];
    crew.announce(other, &experiment.graph, &[experiment])?;
    let mut died = BTreeMap::<Key, u32>::new();
    loop {
        let summary = attempt(crew, other, experiment)?;
        for failure in &summary.failed {
            let count = died.entry(failure.key).or_default();
            *count += 1;
            // By now nobody kills it any more: it fails by itself.
            if *count > kills {
                let (message, code) = (failure.message.clone(), failure.code);
                return Err(Exit::Plain { message, code });
            }
        }
        if summary.failed.is_empty() {
            return Ok(died.values().sum::<u32>() as usize);
        }
    }
}

/// Moments of death, spread evenly over a little more than what each stage takes.
fn lifetimes(seconds: BTreeMap<Key, f64>, kills: u32) -> Lifetimes {
    let drawn = Mutex::new((Stream::new(0, "selfcheck/moments", 0), BTreeMap::<Key, u32>::new()));
    Lifetimes(Arc::new(move |key| {
        let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let (moments, launched) = &mut *drawn;
        let count = launched.entry(*key).or_default();
        *count += 1;
        let whole = seconds.get(key).copied().unwrap_or(0.0) + START_SECONDS;
        let moment = 1.1 * whole * f64::from(moments.uniform());
        (*count <= kills).then(|| Duration::from_secs_f64(moment))
    }))
}

/// Stages whose last attempt went on from a checkpoint.
fn resumed(graph: &Graph, store: &Store) -> Result<usize, Exit> {
    let mut count = 0;
    for (key, _) in graph.stages() {
        count += usize::from(store.entry(key).result()?.is_some_and(|record| record.resumed));
    }
    Ok(count)
}

/// Results that are not the same bytes in both stores, by name.
fn differences(graph: &Graph, one: &Store, other: &Store) -> Result<Vec<String>, EngineError> {
    let names = labels(graph);
    let mut found = Vec::new();
    for (key, stage) in graph.stages() {
        let files = |store: &Store| {
            let record = store.entry(key).result()?;
            Ok::<_, EngineError>(record.map(|record| record.files).unwrap_or_default())
        };
        let (one, other) = (files(one)?, files(other)?);
        let all: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let different = all.into_iter().filter(|name| one.get(*name) != other.get(*name));
        let different: Vec<String> = different.map(|name| format!("`{name}`")).collect();
        if !different.is_empty() {
            let name = names.get(key).map_or(stage.kind.as_str(), String::as_str);
            found.push(format!("{name} ({}): {}", key.short(), different.join(", ")));
        }
    }
    Ok(found)
}

/// What of the rows that both reports were made from differs.
fn rows_differ(
    one: (&Laboratory, &Experiment),
    other: (&Laboratory, &Experiment),
) -> Result<Vec<String>, Exit> {
    for (lab, experiment) in [one, other] {
        report::write(lab, experiment, None)?;
    }
    let read = |(lab, experiment): (&Laboratory, &Experiment), name: &str| {
        let path = lab.folder(experiment).join(name);
        std::fs::read(&path).map_err(|source| EngineError::io("read", &path, source))
    };
    let mut found = Vec::new();
    for name in ["results.csv", "curves.csv"] {
        if read(one, name)? != read(other, name)? {
            found.push(format!("`{name}` of the report"));
        }
    }
    Ok(found)
}

/// What came out.
struct Found {
    stages: usize,
    killed: usize,
    resumed: usize,
    differences: Vec<String>,
}

impl Found {
    /// Prints the verdict: 0 if sound, 1 if not, 75 if nothing was put to the test.
    fn tell(&self, kill: bool, global: &Global) -> Result<ExitCode, Exit> {
        let sound = self.differences.is_empty();
        if global.json {
            println!(
                "{}",
                json!({ "v": 1, "event": "selfcheck", "sound": sound, "stages": self.stages,
                        "killed": self.killed, "resumed": self.resumed,
                        "differences": self.differences })
            );
        }
        if !sound {
            return Err(Exit::failed(format!(
                "not sound: of {} results {} differ\n  {}",
                self.stages,
                self.differences.len(),
                self.differences.join("\n  ")
            )));
        }
        if kill && self.killed == 0 {
            let message = "no worker lived long enough to be killed; try a larger `--scale`";
            return Err(Exit::Plain { message: message.to_owned(), code: 75 });
        }
        if !global.json {
            println!(
                "sound: all files of {} results are the same bytes, and so are results.csv and \
                 curves.csv",
                self.stages
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::engine::{RunStage, Stage, StageError, Work, run_one};

    /// Writes another file each time it is asked for a `moody` stage.
    struct Moody(AtomicUsize);

    impl RunStage for Moody {
        fn run(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let text = if stage.kind == "moody" { format!("{count}") } else { "same".to_owned() };
            files::write_atomic(&work.out.join("a.txt"), text.as_bytes())?;
            Ok(files::write_atomic(&work.out.join("b.txt"), b"steady")?)
        }
    }

    #[test]
    fn a_result_that_depends_on_the_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let stores = ["one", "other"].map(|name| Store::at(&folder.path().join(name)));
        let mut graph = Graph::default();
        let keys = ["moody", "calm"].map(|kind| graph.add(Stage::new(kind, 1, json!({}))));
        let runner = Moody(AtomicUsize::new(0));
        for (store, key) in stores.iter().flat_map(|store| keys.map(|key| (store, key))) {
            store.entry(&key).freeze(graph.stage(&key).unwrap()).unwrap();
            run_one(store, &key, &runner, &|_| {}, &AtomicBool::new(false)).unwrap();
        }
        let found = differences(&graph, &stores[0], &stores[1]).unwrap();
        assert_eq!(found, [format!("moody ({}): `a.txt`", keys[0].short())]);
        assert!(differences(&graph, &stores[0], &stores[0]).unwrap().is_empty());
    }

    #[test]
    fn a_stage_is_killed_so_often_and_no_more() {
        let key = Key::of(b"stage");
        let Lifetimes(lifetime) = lifetimes([(key, 2.0)].into(), 3);
        let moments: Vec<_> = (0..5).map(|_| lifetime(&key)).collect();
        assert!(moments[..3].iter().all(|moment| moment.unwrap() < Duration::from_secs(3)));
        assert_eq!(moments[3..], [None, None]);
    }

    #[test]
    fn again_means_differently() {
        let slot = |index, threads| Slot { device: "cpu".into(), index, threads };
        assert_eq!(differently(&[slot(0, 1), slot(1, 1)]), [slot(0, 2)]);
        assert_eq!(differently(&[slot(0, 4)]), [slot(0, 1), slot(1, 1)]);
    }
}
