//! Kills: `ffrun selfcheck`, and a sweep whose workers are killed again and again from outside.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ffrun_models::stream::Stream;

use crate::lab::{Lab, Ran};

/// Twenty-four trainings of the smallest aligner.
const SWEEP: &str = r#"
declare(#{
    name: "sweep", asks: "?", vary: #{ elements: [16, 24, 32, 40, 48, 56, 64, 72] }, seeds: 3,
    metrics: ["retrieval_top1", "retrieval_map"],
});
fn run(trial) {
    let faces = heads::stills();
    let model = aligner::paper().but(#{ elements: trial.elements });
    evaluate(train(model, faces.train, schedule::aligner(), trial.seed), faces.test)
}
"#;

#[test]
fn a_sound_experiment_is_the_same_bytes_after_kills() {
    let lab = Lab::new();
    lab.write("sweep.rhai", SWEEP);
    let words = ["selfcheck", "--kill", "sweep.rhai", "-P", "elements=16,32", "-P", "seeds=1"];
    let checked = lab.run(words.into_iter().chain(["-P", "steps=40"]));
    let (out, err) = (checked.out, checked.err);
    assert_eq!(checked.code, 0, "{out}{err}");
    assert!(out.contains("sound: all files of 6 results are the same bytes"), "{out}");
    assert!(err.contains("workers killed at random moments"), "{err}");
    let left: Vec<_> = fs::read_dir(lab.path(".ffrun")).unwrap().flatten().collect();
    assert!(left.is_empty(), "the scratch store is gone: {left:?}");

    let plain =
        lab.run(["selfcheck", "sweep.rhai", "-P", "elements=16", "-P", "seeds=1", "--json"]);
    assert!(plain.ok().contains("\"sound\":true,\"stages\":4,\"killed\":0"));
}

/// Processes whose parent is this one, from `/proc`.
fn children(parent: u32) -> Vec<u32> {
    let parent_of = |stat: &str| stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|item| item.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|number| {
            let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
            parent_of(&stat) == Some(parent)
        })
        .collect()
}

/// Kills of the sweep: a bound, so that it ends also where the machine slows down meanwhile.
const KILLS: usize = 16;

/// Runs the sweep to its end while a worker is killed every `pace`. Says how many died.
fn run_under_fire(lab: &Lab, pace: Duration) -> usize {
    let mut drawn = Stream::new(24, "test/kill workers", 0);
    let mut killed = 0;
    let limit = Instant::now() + Duration::from_secs(600);
    loop {
        let mut run = lab.spawn(&["run", "sweep.rhai", "--scale", "smoke", "-j", "2"]);
        let mut next = Instant::now() + pace;
        while run.try_wait().unwrap().is_none() {
            assert!(Instant::now() < limit, "the run does not end; {killed} workers killed");
            if killed < KILLS && Instant::now() >= next {
                let workers = children(run.id());
                let chosen = (drawn.uniform() * workers.len() as f32) as usize;
                if let Some(worker) = workers.get(chosen) {
                    let done = Command::new("kill").args(["-9", &worker.to_string()]).output();
                    killed += usize::from(done.unwrap().status.success());
                }
                next = Instant::now() + pace.mul_f32(2.0 * drawn.uniform());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let ran = Ran::of(run.wait_with_output().unwrap());
        match ran.code {
            0 => return killed,
            // Stages whose worker died; they go on from their checkpoints in the next run.
            1 => assert!(ran.err.contains("died"), "{}", ran.err),
            code => panic!("{code}: {}", ran.err),
        }
    }
}

#[test]
fn a_sweep_under_fire_ends_with_the_rows_of_a_quiet_one() {
    if !std::path::Path::new("/proc/self/stat").exists() {
        eprintln!("skipped: workers are found through /proc, which this system has not");
        return;
    }
    let rows = |lab: &Lab| {
        ["results.csv", "curves.csv"].map(|name| lab.read(&format!("runs/sweep-smoke/{name}")))
    };
    let quiet = Lab::new();
    quiet.write("sweep.rhai", SWEEP);
    let began = Instant::now();
    let out = quiet.run(["run", "sweep.rhai", "--scale", "smoke", "-j", "2"]).ok();
    assert!(out.contains("24 of 24 trials measured"), "{out}");
    // A dozen kills and more, however fast the machine is.
    let pace = (began.elapsed() / 20).max(Duration::from_millis(20));
    let lab = Lab::new();
    lab.write("sweep.rhai", SWEEP);
    // The faces are rendered in peace: without them nothing else starts, and they have no checkpoint.
    lab.run(["run", "sweep.rhai", "--scale", "smoke", "-P", "elements=16", "-P", "seeds=1"]).ok();
    let killed = run_under_fire(&lab, pace);
    assert!(killed >= 3, "only {killed} workers were killed");
    assert_eq!(rows(&lab), rows(&quiet), "after {killed} kills");
    assert!(lab.run(["fsck"]).ok().contains("0 damaged"));
}
