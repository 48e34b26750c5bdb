//! What single experiments draw and tell apart: identity by pose, and the controls of S.

use std::{collections::BTreeMap, path::PathBuf};

use crate::lab::{Lab, Ran};

const SMOKE: [&str; 4] = ["--scale", "smoke", "-P", "seeds=1"];

fn experiment(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("experiments");
    folder.join(format!("{name}.rhai")).display().to_string()
}

fn run(lab: &Lab, name: &str, more: &[&str]) {
    let script = experiment(name);
    let words = ["run", script.as_str()].into_iter().chain(SMOKE).chain(more.iter().copied());
    let ran: Ran = lab.run(words);
    assert_eq!(ran.code, 0, "{name}: {}\n{}", ran.out, ran.err);
}

/// Values of a metric in `results.csv` by the setting that varies, in the order of people.
fn values(rows: &str, setting: &str, metric: &str) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_reader(rows.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|known| known == name).unwrap();
    let (key, name, value) = (at(setting), at("metric"), at("value"));
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in reader.records().map(Result::unwrap).filter(|row| &row[name] == metric) {
        found.entry(row[key].to_owned()).or_default().push(row[value].to_owned());
    }
    found
}

#[test]
fn identity_is_followed_over_poses_with_its_ceiling() {
    let lab = Lab::new();
    run(&lab, "pose_identity", &["-P", "clip_test_people=3"]);
    let read = |name: &str| lab.read(&format!("runs/pose_identity-smoke/{name}"));
    for name in ["turns_cur.svg", "map.svg", "gain.svg"] {
        assert!(read(name).contains("yaw"), "{name}");
    }
    let rows = read("results.csv");
    let similarity = values(&rows, "method", "facesim_arc_in_world");
    let mean = |method: &str| {
        let numbers: Vec<f64> = similarity[method].iter().map(|it| it.parse().unwrap()).collect();
        numbers.iter().sum::<f64>() / numbers.len() as f64
    };
    assert!(mean("filmed") > mean("base"), "what was filmed is the ceiling");
    // All faces of the filmed clips are in the table, and no more: 3 people, 6 clips of 4 frames.
    let table = read("by_yaw.csv");
    let cells = values(&table, "row", "faces");
    let filmed = cells.iter().filter(|(row, _)| row.ends_with("method=filmed"));
    let faces: f64 = filmed.flat_map(|(_, found)| found).map(|it| it.parse::<f64>().unwrap()).sum();
    let rate = values(&rows, "method", "face_rate_in_world");
    let rate: f64 = rate["filmed"].iter().map(|it| it.parse::<f64>().unwrap()).sum::<f64>() / 3.0;
    assert!(
        faces <= (rate * 72.0).round() && faces > 0.5 * rate * 72.0,
        "{faces} of {rate}\n{table}"
    );
}

#[test]
fn every_control_changes_what_is_made_and_none_is_another() {
    let lab = Lab::new();
    // So large a rate that a few steps show.
    let flags = ["-P", "tuning_lr=0.05", "-P", "tuning_steps=6"];
    run(&lab, "controls", &flags);
    let found = values(&lab.read("runs/controls-smoke/results.csv"), "s", "facesim_arc_in_world");
    let mut seen: Vec<&Vec<String>> = found.values().collect();
    assert_eq!(seen.len(), 11);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 11, "two rows made the same clips: {found:?}");
}

#[test]
fn a_control_and_an_aligner_are_one_too_many() {
    let lab = Lab::new();
    let script = |more: &str| {
        format!(
            "declare(#{{ name: \"both\", asks: \"?\", metrics: [\"psnr\"] }});\n\
             fn run(trial) {{\n\
             let clips = heads::clips();\n\
             let parts = #{{ adapter: generator::adapter(), clips: clips.tuning,\n\
             schedule: schedule::tuning(), {more} }};\n\
             let tuned = tune(generator::pretrained(\"heads\"), parts, trial.seed);\n\
             evaluate(generate(tuned, clips.test, sampler::unipc()))\n}}\n"
        )
    };
    let cases = [
        ("control: aligner::random(), aligner: aligner::paper()", "one alone is injected"),
        ("control: aligner::random().but(#{ source: \"noise\" })", "unknown source `noise`"),
        ("control: aligner::random().but(#{ width: 0 })", "`width` must be at least 1"),
        ("control: aligner::recogniser().but(#{ width: 9 })", "a width of its own"),
        ("control: aligner::paper()", "`control` of `tune` cannot be"),
        ("aligner: aligner::mlp().but(#{ normalizer: \"softmax\" })", "no correlations"),
        ("aligner: aligner::mlp().but(#{ elements: 2 })", "too few for an MLP"),
        ("aligner: aligner::paper().but(#{ mixer: \"mpl\" })", "did you mean `mlp`"),
    ];
    for (more, wanted) in cases {
        lab.write("both.rhai", &script(more));
        let ran = lab.run(["plan", "both.rhai", "--scale", "smoke"]);
        assert_eq!(ran.code, 3, "{more}\n{}", ran.err);
        assert!(ran.err.contains(wanted), "{more}\n{}", ran.err);
    }
}
