//! The main job at smoke scale: everything it writes, its cache, and what an edit invalidates.

use std::fs;

use crate::lab::{Lab, ablation};

const SMOKE: [&str; 6] = ["--scale", "smoke", "-P", "elements=1024,2048", "-P", "seeds=2"];

#[test]
fn it_writes_the_whole_report_and_runs_nothing_twice() {
    let lab = Lab::new();
    let out = lab.ablate("run", &SMOKE).ok();
    assert!(out.contains("4 of 4 trials measured"), "{out}");
    let files = [
        "results.csv",
        "curves.csv",
        "report.html",
        "report.md",
        "manifest.toml",
        "table3.md",
        "table3.tex",
        "table3.csv",
        "aligner.md",
        "figure8.svg",
        "figure8.png",
        "retrieval.svg",
        "figure10.svg",
        "figure10.png",
    ];
    for file in files {
        let path = lab.path("runs/ablation_dict-smoke").join(file);
        let size = fs::metadata(&path).unwrap_or_else(|error| panic!("{file}: {error}")).len();
        assert!(size > 50, "{file} has {size} bytes");
    }
    let rows = lab.read("runs/ablation_dict-smoke/results.csv");
    assert!(rows.lines().skip(1).all(|row| row.contains("measured")), "{rows}");
    assert!(!rows.contains("NaN"), "{rows}");
    for metric in ["facesim_cur_in_world", "clip_score_in_world", "retrieval_top1", "pia_loss"] {
        assert!(rows.contains(&format!(",{metric},")), "no `{metric}` in\n{rows}");
    }
    let again = lab.ablate("run", &[&SMOKE[..], &["--json"]].concat()).ok();
    assert!(!again.contains("\"started\""), "{again}");
    assert_eq!(lab.read("runs/ablation_dict-smoke/results.csv"), rows);
}

#[test]
fn a_fresh_store_gives_the_same_bytes_on_one_thread_and_on_two() {
    let rows = ["1", "3"].map(|jobs| {
        let lab = Lab::new();
        lab.ablate("run", &[&SMOKE[..], &["-j", jobs]].concat()).ok();
        (
            lab.read("runs/ablation_dict-smoke/results.csv"),
            lab.read("runs/ablation_dict-smoke/curves.csv"),
        )
    });
    assert_eq!(rows[0], rows[1]);
}

#[test]
fn formatting_invalidates_nothing_and_a_setting_only_its_trials() {
    let lab = Lab::new();
    lab.ablate("run", &SMOKE).ok();
    let script = fs::read_to_string(ablation()).unwrap();
    let commented = script.replace("fn run(trial) {", "// a comment\nfn run(trial)   {\n");
    assert_ne!(script, commented);
    lab.write("commented.rhai", &commented);
    let words = [&["plan", "commented.rhai"], &SMOKE[..]].concat();
    let plan = lab.run(words).ok();
    assert!(plan.contains("4 measured"), "{plan}");
    let more = ["--scale", "smoke", "-P", "elements=1024,4096", "-P", "seeds=2"];
    let plan = lab.ablate("plan", &more).ok();
    assert!(plan.contains("4 trials, 2 measured"), "{plan}");
    let why = lab.ablate("why", &more).ok();
    assert!(why.contains("spec.model.elements"), "{why}");
    assert!(why.contains("→ 4096"), "{why}");
}

#[test]
fn claims_and_status_and_report_read_the_store_and_run_nothing() {
    let lab = Lab::new();
    let before = lab.ablate("claims", &SMOKE).ok();
    assert!(before.contains("inconclusive"), "{before}");
    assert!(lab.ablate("status", &SMOKE).ok().contains("0 of 4 trials measured"));
    assert!(lab.ablate("report", &SMOKE).ok().contains("report.html"));
    assert!(!lab.path(".ffrun/store").exists());
}

#[test]
fn a_contradicted_claim_is_4_only_if_asked() {
    let lab = Lab::new();
    let script = fs::read_to_string(ablation()).unwrap();
    let (head, _) = script.split_once("/// What the paper says").expect("the claims");
    let claims = "fn claims(results) { claim(\"one is two\", 1 == 2); }\n";
    lab.write("wrong.rhai", &format!("{head}{claims}"));
    let flags = ["--scale", "smoke", "-P", "elements=1024", "-P", "seeds=1"];
    let run = lab.run([&["run", "wrong.rhai"], &flags[..]].concat()).ok();
    assert!(run.contains("contradicted"), "{run}");
    let strict = lab.run([&["claims", "wrong.rhai", "--strict"], &flags[..]].concat());
    assert_eq!(strict.code, 4, "{}", strict.err);
    assert_eq!(lab.run([&["run", "wrong.rhai", "--strict"], &flags[..]].concat()).code, 4);
}
