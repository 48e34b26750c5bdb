//! Faults: kills, rivals, damage, full and read-only disks, hostile scripts. Nothing computed is
//! lost, every error is clear and has its exit code.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ffrun_models::stream::Stream;

use crate::lab::{Lab, Ran, SMALLEST, ablation};

/// Kills of one training.
const KILLS: u64 = 50;

/// A training long enough to be killed in the middle, at smoke widths.
const TRAINING: [&str; 8] =
    ["--scale", "smoke", "-P", "elements=1024", "-P", "seeds=1", "-P", "steps=60"];

#[test]
fn fifty_kills_change_no_byte() {
    let lab = Lab::new();
    lab.ablate("run", &TRAINING).ok();
    let train = lab.keys("train", &TRAINING).remove(0);
    let rows = lab.read("runs/ablation_dict-smoke/results.csv");
    let resumed = kill_at_random(&lab, &train, &["weights.safetensors", "curves.csv"], KILLS);
    assert!(resumed > 10, "only {resumed} of {KILLS} kills left a checkpoint behind");
    lab.ablate("run", &TRAINING).ok();
    assert_eq!(lab.read("runs/ablation_dict-smoke/results.csv"), rows);
}

/// Kills a stage that has a result at random moments of its work and lets it finish: these files of
/// its result must be the same bytes every time. Says how many kills left a checkpoint behind.
pub(crate) fn kill_at_random(lab: &Lab, key: &str, files: &[&str], most: u64) -> usize {
    let entry = lab.path(".ffrun/store").join(&key[..2]).join(key);
    let read = || -> Vec<Vec<u8>> {
        files.iter().map(|name| fs::read(lab.result(key, name)).unwrap()).collect()
    };
    let expected = read();
    let reset = || {
        fs::remove_file(entry.join("result.json")).unwrap();
        fs::remove_dir_all(entry.join("out")).unwrap();
    };
    let words = ["stage", key, "--checkpoint-every", "0"];
    reset();
    let began = Instant::now();
    let once = || lab.command().args(words).output();
    assert!(once().unwrap().status.success());
    let whole = began.elapsed();
    assert_eq!(read(), expected, "a second run differs");
    reset();
    let mut moments = Stream::new(50, "test/kill moments", 0);
    let (mut kills, mut resumed) = (0, 0);
    while kills < most {
        let mut child = lab.spawn(&words);
        thread::sleep(whole.mul_f32(moments.uniform()));
        if child.try_wait().unwrap().is_none() {
            kills += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        resumed += usize::from(entry.join("work").is_dir());
        if entry.join("result.json").exists() {
            assert_eq!(read(), expected, "after {kills} kills");
            reset();
        }
    }
    let finished = once().unwrap();
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
    assert_eq!(read(), expected, "in the end");
    resumed
}

#[test]
fn a_killed_run_takes_its_workers_along_and_is_continued() {
    let lab = Lab::new();
    let script = ablation().display().to_string();
    let words: Vec<&str> = ["run", &script].into_iter().chain(TRAINING).collect();
    for milliseconds in [150, 300, 600] {
        let mut child = lab.spawn(&words);
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Orphaned workers stop by themselves; until then their leases are waited for, not broken.
    assert!(lab.run(words.iter().copied()).ok().contains("1 of 1 trials measured"));
    assert!(lab.run(["fsck"]).ok().contains("0 damaged"));
}

#[test]
fn two_processes_on_one_store_compute_nothing_twice() {
    let lab = Lab::new();
    let script = ablation().display().to_string();
    let flags = ["--scale", "smoke", "-P", "elements=1024,2048", "-P", "seeds=2", "--json"];
    let words: Vec<&str> = ["run", &script].into_iter().chain(flags).collect();
    let rivals = [lab.spawn(&words), lab.spawn(&words)];
    let mut computed = Vec::new();
    for rival in rivals {
        let ran = Ran::of(rival.wait_with_output().unwrap());
        for line in ran.ok().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            if line["event"] == "finished" && line["cached"] == false {
                computed.push(line["key"].as_str().unwrap().to_owned());
            }
        }
    }
    let stages = computed.len();
    computed.sort();
    computed.dedup();
    assert_eq!(computed.len(), stages, "a stage was computed twice");
    // Shared: two sets of faces, base, encoded clips, their captions, clips to make. A trial: two
    // trainings, what the tuned generator makes, two measurements, both as one.
    assert_eq!(stages, 6 + 6 * 4);
    assert!(lab.run(["fsck"]).ok().contains("0 damaged"));
}

#[test]
fn a_corrupt_result_is_5_and_fsck_repairs_it() {
    let lab = Lab::new();
    lab.ablate("run", &SMALLEST).ok();
    let rows = lab.read("runs/ablation_dict-smoke/results.csv");
    let train = lab.keys("train", &SMALLEST).remove(0);
    let weights = lab.result(&train, "weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    bytes[200] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let found = lab.run(["fsck"]);
    assert_eq!(found.code, 5, "{}", found.out);
    assert!(found.out.contains("weights.safetensors"), "{}", found.out);
    fs::write(&weights, b"short").unwrap();
    let run = lab.ablate("plan", &SMALLEST).ok();
    assert!(run.contains("1 damaged"), "{run}");
    lab.run(["fsck", "--repair"]).ok();
    lab.ablate("run", &SMALLEST).ok();
    assert_eq!(lab.read("runs/ablation_dict-smoke/results.csv"), rows);
    assert!(lab.run(["fsck"]).ok().contains("0 damaged"));
}

/// Runs shell words inside a user and mount namespace of their own, where a file system can be
/// mounted without touching the machine. `None`, said aloud, where that is not allowed.
fn in_namespace(lab: &Lab, script: &str) -> Option<Ran> {
    let unshare = |words: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", words]).current_dir(lab.path("")).stdin(Stdio::null());
        command.env("FFRUN", env!("CARGO_BIN_EXE_ffrun")).env("NO_COLOR", "1");
        command.env("XDG_CONFIG_HOME", lab.path("")).env("SCRIPT", ablation());
        command.output()
    };
    let allowed = unshare("mkdir -p probe && mount -t tmpfs none probe");
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine allows no user namespaces with mounts");
        return None;
    }
    unshare(script).ok().map(Ran::of)
}

#[test]
fn a_full_disk_is_6_and_nothing_is_lost() {
    let lab = Lab::new();
    let words = format!(
        "mkdir -p disk && mount -t tmpfs -o size=300k none disk && \
         $FFRUN run $SCRIPT {} --store disk/store",
        SMALLEST.join(" ")
    );
    let Some(run) = in_namespace(&lab, &words) else { return };
    assert_eq!(run.code, 6, "{}\n{}", run.out, run.err);
    assert!(run.err.contains("no space left on the disk"), "{}", run.err);
    assert!(run.err.contains("finished stages are kept"), "{}", run.err);
}

#[test]
fn a_read_only_folder_is_6_and_names_it() {
    let lab = Lab::new();
    let words = format!(
        "mkdir -p disk && mount -t tmpfs -o ro none disk && \
         $FFRUN run $SCRIPT {} --store disk/store",
        SMALLEST.join(" ")
    );
    let Some(run) = in_namespace(&lab, &words) else { return };
    assert_eq!(run.code, 6, "{}\n{}", run.out, run.err);
    assert!(run.err.contains("read-only file system; name another folder"), "{}", run.err);
}

/// A script whose `run` begins with these lines.
fn script_with(lines: &str) -> String {
    format!(
        "declare(#{{ name: \"hostile\", asks: \"?\", seeds: 1, metrics: [\"silhouette\"] }});\n\
         fn run(trial) {{\n{lines}\n}}\n"
    )
}

#[test]
fn hostile_scripts_are_3_within_five_seconds() {
    let lab = Lab::new();
    for (name, lines) in [
        ("endless", "loop {}"),
        ("string", "let s = \"x\"; loop { s += s; }"),
        ("recursion", "run(trial)"),
        ("type", "aligner::paper().but(#{ elements: \"many\" })"),
        ("key", "aligner::paper().but(#{ elemnts: 3 })"),
    ] {
        lab.write("hostile.rhai", &script_with(lines));
        let began = Instant::now();
        let plan = lab.run(["plan", "hostile.rhai"]);
        assert!(began.elapsed() < Duration::from_secs(5), "{name} took {:?}", began.elapsed());
        assert_eq!(plan.code, 3, "{name}: {}", plan.err);
        assert!(plan.err.contains("hostile.rhai"), "{name}: {}", plan.err);
    }
}

#[test]
fn an_interrupt_saves_a_checkpoint_and_is_130() {
    let lab = Lab::new();
    let script = ablation().display().to_string();
    let long = ["--scale", "smoke", "-P", "elements=1024", "-P", "seeds=1", "-P", "steps=4000"];
    let words: Vec<&str> = ["run", &script].into_iter().chain(long).collect();
    let child = lab.spawn(&words);
    let train = lab.keys("train", &long).remove(0);
    let entry = lab.path(".ffrun/store").join(&train[..2]).join(&train);
    let began = Instant::now();
    while !entry.join("work").is_dir() && began.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}\n{}", ran.out, ran.err);
    let kept = fs::read_dir(entry.join("work")).unwrap().count();
    assert!(kept >= 1, "no checkpoint was kept");
    let plan = lab.ablate("plan", &long).ok();
    assert!(plan.contains("continues from its checkpoint"), "{plan}");
}
