//! `ffrun publish`: what a record holds, what is refused, and that the list of records follows.

use std::{fs, process::Command};

use crate::lab::{Lab, Ran};

/// An experiment of the smallest aligner.
const SCRIPT: &str = r#"//! What is kept?

declare(#{
    name: "kept", asks: "Is it kept?", vary: #{ elements: [16, 32] },
    metrics: ["retrieval_top1", "retrieval_map"],
});
fn run(trial) {
    let faces = heads::stills();
    let model = aligner::paper().but(#{ elements: trial.elements });
    evaluate(train(model, faces.train, schedule::aligner(), trial.seed), faces.test)
}
fn report(results) {
    table("sizes", results).rows("elements").save();
    chart("loss", results).curve("loss", "linear").save();
}
fn claims(results) { claim("one is two", 1 == 2); }
"#;

/// Numbers of the scale `tiny` that make it run in a second: a record is of no smoke test.
const SMALL: [&str; 20] = [
    "-P",
    "train_people=8",
    "-P",
    "train_views=4",
    "-P",
    "test_people=4",
    "-P",
    "test_views=4",
    "-P",
    "steps=4",
    "-P",
    "pairs=8",
    "-P",
    "chunk=8",
    "-P",
    "width=16",
    "-P",
    "depth=1",
    "-P",
    "warmup=1",
];

fn ffrun(lab: &Lab, verb: &str, more: &[&str]) -> Ran {
    lab.run([&[verb, "kept.rhai"], &SMALL[..], more].concat())
}

/// `git` in the laboratory; `false`, said aloud, where there is none.
fn git(lab: &Lab, words: &[&str]) -> bool {
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let mut command = Command::new("git");
    command.args(identity).args(words).current_dir(lab.path("")).env("HOME", lab.path(""));
    match command.output() {
        Ok(output) => output.status.success(),
        Err(error) => {
            eprintln!("skipped: no git on this machine ({error})");
            false
        }
    }
}

#[test]
fn a_record_is_whole_and_replaced_whole() {
    let lab = Lab::new();
    lab.write("kept.rhai", SCRIPT);
    let early = ffrun(&lab, "publish", &[]);
    assert_eq!(early.code, 75, "{}", early.err);
    assert!(
        early.err.contains("`kept` has 0 of 2 trials measured; `ffrun kept.rhai -P"),
        "{}",
        early.err
    );
    ffrun(&lab, "run", &[]).ok();

    let out = ffrun(&lab, "publish", &["--to", "records", "--pictures", "2"]).ok();
    assert!(out.contains("record: records/kept ("), "{out}");
    let names = [
        "README.md",
        "manifest.toml",
        "results.csv",
        "curves.csv",
        "sizes.md",
        "sizes.tex",
        "sizes.csv",
        "loss.svg",
        "loss.png",
        "who-was-seen-train-people.png",
    ];
    for name in names {
        assert!(lab.path("records/kept").join(name).is_file(), "{name}");
    }
    assert_eq!(lab.read("records/kept/results.csv"), lab.read("runs/kept/results.csv"));
    let readme = lab.read("records/kept/README.md");
    assert!(readme.starts_with("# Is it kept?\n\n`kept` at scale `tiny`: 2 trials, all measured. Claims: 1 contradicted."), "{readme}");
    assert!(!readme.contains(&lab.path("").display().to_string()), "{readme}");
    let manifest: toml::Table = lab.read("records/kept/manifest.toml").parse().unwrap();
    assert_eq!(manifest["seeds"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["claim"][0]["verdict"].as_str(), Some("contradicted"));
    assert!(manifest["stage_versions"].as_table().unwrap().contains_key("train"));
    assert!(
        lab.read("records/README.md")
            .contains("| [kept](kept/README.md) | tiny | Is it kept? | 1 contradicted |")
    );

    lab.write("records/kept/stale.svg", "of an older script");
    ffrun(&lab, "publish", &["--to", "records", "--pictures", "0"]).ok();
    assert!(!lab.path("records/kept/stale.svg").exists());
    assert!(!lab.path("records/kept/who-was-seen-train-people.png").exists());
    let left: Vec<_> = fs::read_dir(lab.path("records")).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "nothing is left behind: {left:?}");
}

#[test]
fn what_would_mislead_is_refused() {
    let lab = Lab::new();
    lab.write("kept.rhai", SCRIPT);
    let smoke = lab.run(["publish", "kept.rhai", "--scale", "smoke"]);
    assert_eq!(smoke.code, 2);
    assert!(smoke.err.contains("only shows that a script works"), "{}", smoke.err);
    ffrun(&lab, "run", &[]).ok();
    lab.write("taken/kept/notes.txt", "mine");
    let taken = ffrun(&lab, "publish", &["--to", "taken"]);
    assert_eq!(taken.code, 2);
    assert!(taken.err.contains("`taken/kept` exists and is no record of `kept`"), "{}", taken.err);
    assert_eq!(lab.read("taken/kept/notes.txt"), "mine");
}

#[test]
fn a_dirty_checkout_is_refused_unless_the_record_may_say_so() {
    let lab = Lab::new();
    lab.write("kept.rhai", SCRIPT);
    lab.write(".gitignore", "/runs\n/.ffrun\n");
    if !git(&lab, &["init", "-q"]) {
        return;
    }
    ffrun(&lab, "run", &[]).ok();
    let fresh = ffrun(&lab, "publish", &["--to", "records"]);
    assert_eq!(fresh.code, 2);
    assert!(fresh.err.contains("one file is not committed: `kept.rhai`"), "{}", fresh.err);

    assert!(git(&lab, &["add", "-A"]) && git(&lab, &["commit", "-q", "-m", "x"]));
    ffrun(&lab, "publish", &["--to", "records"]).ok();
    // The record is no reason to refuse the next one, committed or not.
    assert!(git(&lab, &["add", "-A"]) && git(&lab, &["commit", "-q", "-m", "y"]));
    lab.write("records/kept/README.md", "edited");
    ffrun(&lab, "publish", &["--to", "records"]).ok();
    assert!(lab.read("records/kept/manifest.toml").contains("\ndirty = false\n"));
    let commit = lab.read("records/kept/README.md");
    let commit = commit.lines().find(|line| line.starts_with("- Commit: `")).expect("a commit");
    assert_eq!(commit.len(), "- Commit: ``".len() + 40, "{commit}");

    lab.write("kept.rhai", &format!("{SCRIPT}// a comment\n"));
    let dirty = ffrun(&lab, "publish", &["--to", "records"]);
    assert_eq!(dirty.code, 2);
    assert!(dirty.err.contains("`kept.rhai`; commit first"), "{}", dirty.err);
    ffrun(&lab, "publish", &["--to", "records", "--allow-dirty"]).ok();
    assert!(lab.read("records/kept/manifest.toml").contains("\ndirty = true\n"));
    assert!(lab.read("records/kept/README.md").contains(", with local changes`"));
}
