//! What a script may say, and the graph and sheet that come of it.

use std::collections::BTreeSet;

use ffrun::{
    metrics::catalogue::catalogue,
    script::{Experiment, ScriptOptions},
};
use ffrun_reports::{
    rows::Results,
    sheet::{Axis, Drawing, Item},
};
use serde_json::{Value, json};

/// A declaration that works.
pub(super) const HEAD: &str = "declare(#{ name: \"case\", asks: \"?\", \
     vary: #{ elements: [64, 128] }, metrics: [\"retrieval_top1\"] });\n";
/// The end of a `run` that works.
pub(super) const TRIAL: &str = "let faces = heads::stills();\n    \
     evaluate(train(aligner::paper(), faces.train, schedule::aligner(), trial.seed), faces.test)";

/// The smallest scale with the real catalogue.
pub(super) fn options() -> ScriptOptions {
    ScriptOptions { metrics: catalogue(), scale: "smoke".to_owned(), ..Default::default() }
}

/// Results of an experiment before any trial ran.
pub(super) fn nothing_measured(experiment: &Experiment) -> Results {
    Results {
        experiment: experiment.name.clone(),
        varied: experiment.vary.clone(),
        metrics: experiment.metrics.clone(),
        planned: experiment.graph.trials().len(),
        ..Default::default()
    }
}

/// The files of the standard library.
fn modules(home: &std::path::Path) -> Vec<String> {
    let files = std::fs::read_dir(home).expect("the stdlib").flatten().map(|entry| entry.path());
    let modules = files.filter(|path| path.extension().is_some_and(|kind| kind == "rhai"));
    modules.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// Reads a text that must work.
pub(super) fn read(text: &str, options: &ScriptOptions) -> Experiment {
    match Experiment::read("case.rhai", text, options) {
        Ok(experiment) => experiment,
        Err(error) => panic!("{}: {:?}, {:?}", error.message(), error.location(), error.remedy()),
    }
}

fn sweep(body: &str) -> String {
    format!(
        "//! Head of the script.\n{HEAD}fn run(trial) {{\n let f = heads::stills();\n \
         let m = aligner::paper().but(#{{ elements: trial.elements }});\n {body}\n \
         evaluate(train(m, f.train, schedule::aligner(), trial.seed), f.test)\n}}\n"
    )
}

fn keys(experiment: &Experiment) -> BTreeSet<String> {
    experiment.graph.stages().map(|(key, _)| key.to_string()).collect()
}

#[test]
fn a_sweep_becomes_trials_that_share_their_faces() {
    let options =
        ScriptOptions { seed: 5, settings: vec![("seeds".into(), "2".into())], ..options() };
    let experiment = read(&sweep(""), &options);
    assert_eq!(experiment.doc, "Head of the script.");
    let trials = experiment.graph.trials();
    let told: Vec<(Value, u64)> =
        trials.iter().map(|trial| (trial.settings["elements"].clone(), trial.seed)).collect();
    assert_eq!(told, [(json!(64), 5), (json!(128), 5), (json!(64), 6), (json!(128), 6)]);
    let count = |kind: &str| experiment.graph.stages().filter(|(_, s)| s.kind == kind).count();
    assert_eq!((count("faces"), count("train"), count("evaluate")), (2, 4, 4));
    for trial in trials {
        let output = experiment.graph.stage(&trial.output).expect("the output is a stage");
        assert_eq!(output.spec["metrics"], json!({ "retrieval_top1": 1 }));
        let train = experiment.graph.stage(&output.inputs["fitted"]).expect("it reads a training");
        assert_eq!(train.spec["model"]["elements"], trial.settings["elements"]);
        assert_eq!(train.spec["seed"], trial.seed);
        assert_ne!(train.inputs["faces"], output.inputs["faces"]);
    }
}

#[test]
fn words_and_formatting_change_no_key_but_settings_do() {
    let base = keys(&read(&sweep(""), &options()));
    let reworded =
        sweep("/* a note */ let unused = 1;\n\n").replace("asks: \"?\"", "asks: \"why\"");
    assert_eq!(base, keys(&read(&reworded, &options())));
    let reported = format!("{}fn report(results) {{ note(\"x\"); }}", sweep(""));
    assert_eq!(base, keys(&read(&reported, &options())));
    let changed = sweep("let m = m.but(#{ dictionary_std: 0.05 });");
    assert_eq!(
        base.intersection(&keys(&read(&changed, &options()))).count(),
        2,
        "faces alone stay"
    );
    let whole = sweep("let m = m.but(#{ temperature: 1 });");
    assert_eq!(base, keys(&read(&whole, &options())), "1 and 1.0 are one temperature");
}

#[test]
fn settings_of_the_command_line_override_and_unknown_ones_are_errors() {
    let with = |key: &str, value: &str| ScriptOptions {
        settings: vec![(key.to_owned(), value.to_owned())],
        ..options()
    };
    let experiment = read(&sweep(""), &with("elements", "32,64,96"));
    assert_eq!(experiment.vary, [("elements".to_owned(), vec![json!(32), json!(64), json!(96)])]);
    let experiment = read(&sweep(""), &with("steps", "3"));
    let steps: BTreeSet<String> = experiment
        .graph
        .stages()
        .filter(|(_, stage)| stage.kind == "train")
        .map(|(_, stage)| stage.spec["schedule"]["steps"].to_string())
        .collect();
    assert_eq!(steps, BTreeSet::from(["3".to_owned()]));
    let refused = |key: &str, value: &str| {
        let error = Experiment::read("case.rhai", &sweep(""), &with(key, value)).err();
        error.map(|error| format!("{}; {}", error.message(), error.remedy().unwrap_or_default()))
    };
    let text = refused("elemnts", "3").expect("an error");
    assert_eq!(text, "`-P elemnts=…` sets nothing in this script; did you mean `elements`?");
    let text = refused("steps", "few").expect("an error");
    assert_eq!(text, "`-P steps=…` must be a whole number, not \"few\"; ");
}

#[test]
fn a_report_is_declared_in_order() {
    let text = sweep("")
        + "
        fn report(results) {
            note(\"first\");
            table(\"t\", results).against(\"elements\", 64).beside(paper::table3()).save();
            chart(\"c\", results).x(\"elements\", \"log2\").lines(\"retrieval_top1\").save();
            chart(\"d\", results).curve(\"loss\", \"log10\").title(\"Loss\").save();
        }";
    let experiment = read(&text, &options());
    let items = experiment.report(&nothing_measured(&experiment)).expect("reports");
    let [Item::Text(first), Item::Table(table), Item::Chart(lines), Item::Chart(curve)] =
        &items[..]
    else {
        panic!("{items:?}");
    };
    assert_eq!(first, "first");
    assert_eq!(table.rows, ["elements"]);
    assert_eq!(table.against, Some(("elements".to_owned(), json!(64))));
    let beside = table.beside.as_ref().expect("the paper's table");
    assert_eq!(beside.cells[2], (json!(4096), [0.568, 0.542, 164.24, 33.93].map(Some).to_vec()));
    let metrics = vec!["retrieval_top1".to_owned()];
    let drawn =
        Drawing::Lines { x: "elements".to_owned(), axis: Axis::Log2, metrics, by: String::new() };
    assert_eq!(lines.drawing, drawn);
    assert_eq!((curve.title.as_str(), curve.id.as_str()), ("Loss", "d"));
}

#[test]
fn every_experiment_and_every_scale_reads() {
    let names =
        ["ablation_dict", "custom_pooling", "dataset_filter", "dictionary_poses", "identity_map"];
    for name in names {
        let path = format!("{}/experiments/{name}.rhai", env!("CARGO_MANIFEST_DIR"));
        for scale in ["smoke", "tiny", "small", "paper"] {
            let options = ScriptOptions { scale: scale.to_owned(), ..options() };
            let experiment = match Experiment::load(path.as_ref(), &options) {
                Ok(experiment) => experiment,
                Err(error) => {
                    panic!("{name} at {scale}: {} {:?}", error.message(), error.location())
                }
            };
            assert_eq!(experiment.name, name);
            let results = nothing_measured(&experiment);
            assert!(!experiment.report(&results).expect("reports").is_empty());
            assert!(!experiment.claims(&results).expect("claims").is_empty());
        }
    }
}

#[test]
fn the_stdlib_is_read_from_disk_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib");
    for file in modules(&home) {
        std::fs::copy(home.join(&file), folder.path().join(&file)).expect("copies");
    }
    let on_disk = || ScriptOptions { stdlib: Some(folder.path().to_owned()), ..options() };
    let base = read(&sweep(""), &options());
    let same = read(&sweep(""), &on_disk());
    assert_eq!(keys(&base), keys(&same));
    assert_eq!((base.files.len(), same.files.len()), (0, modules(&home).len()));
    let schedule = folder.path().join("schedule.rhai");
    let text = std::fs::read_to_string(&schedule).expect("reads");
    std::fs::write(&schedule, text.replace("beta2:              0.999", "beta2: 0.98"))
        .expect("writes");
    let edited = read(&sweep(""), &on_disk());
    assert_eq!(keys(&base).intersection(&keys(&edited)).count(), 2, "faces alone stay");
    std::fs::write(&schedule, "fn aligner() { trainig(1) }").expect("writes");
    let error = Experiment::read("case.rhai", &sweep(""), &on_disk()).err().expect("an error");
    assert_eq!(error.message(), "unknown function `trainig`");
    assert_eq!(error.location(), Some((schedule.to_str().expect("utf-8"), 1, 16)));
    std::fs::write(folder.path().join("paper.rhai"), text.replace("training", ")"))
        .expect("writes");
    assert!(Experiment::read("case.rhai", &sweep(""), &on_disk()).is_err());
}

#[test]
fn typing_errors_in_the_papers_tables_show_when_they_are_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib");
    for file in modules(&home) {
        let text = std::fs::read_to_string(home.join(&file)).expect("reads");
        let text = text.replace("0.409, 0.392, 24.82", "0.409, 0.392, 24.28");
        std::fs::write(folder.path().join(&file), text).expect("writes");
    }
    let options = ScriptOptions { stdlib: Some(folder.path().to_owned()), ..options() };
    let error = Experiment::read("case.rhai", &sweep(""), &options).err().expect("an error");
    let expected = "a published table: Table 5, row \"Ours\": 0.544 to 0.409 is a loss of 24.82 %, \
         but 24.28 is typed";
    assert_eq!(error.message(), expected);
}

#[test]
fn a_plan_of_ten_thousand_trials_takes_under_a_second_per_core() {
    let seeds = vec![("seeds".to_owned(), "1000".to_owned())];
    let text = sweep("").replace("[64, 128]", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]");
    let start = std::time::Instant::now();
    let experiment = read(&text, &ScriptOptions { settings: seeds, ..options() });
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(experiment.graph.trials().len(), 10_000);
    // The bound of one second is benched; a test on a busy machine gets slack.
    assert!(seconds < 10.0, "took {seconds:.1} s");
}
