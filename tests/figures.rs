//! The paper's figures on the aligner and its data: the experiments run, and draw what they say.

use std::fs;

use crate::lab::Lab;

/// Runs an experiment at the smallest scale and gives the folder of its report.
fn smoke(lab: &Lab, name: &str, trials: &str) -> String {
    let script = format!("{}/experiments/{name}.rhai", env!("CARGO_MANIFEST_DIR"));
    let ran = lab.run(["run", &script, "--scale", "smoke", "-P", "seeds=1"]).ok();
    assert!(ran.contains(&format!("{trials} of {trials} trials measured")), "{ran}");
    format!("runs/{name}-smoke")
}

/// Values of a metric in `results.csv` where columns have these values.
fn values(rows: &str, metric: &str, at: &[(&str, &str)]) -> Vec<f64> {
    let mut lines = csv::Reader::from_reader(rows.as_bytes());
    let header = lines.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let asked = lines.records().map(|line| line.unwrap()).filter(|line| {
        let same = |(column, value): &(&str, &str)| line[place(column)] == **value;
        line[place("metric")] == *metric && at.iter().all(same)
    });
    asked.map(|line| line[place("value")].parse().unwrap()).collect()
}

fn mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty());
    values.iter().sum::<f64>() / values.len() as f64
}

/// What is written in a chart: a text stands on a line of its own between its tags.
fn written(svg: &str) -> impl Iterator<Item = &str> {
    svg.lines().map(str::trim).filter(|line| !line.starts_with('<'))
}

#[test]
fn identities_are_mapped_under_three_settings_and_two_surroundings() {
    let lab = Lab::new();
    let folder = smoke(&lab, "identity_map", "6");
    let page = lab.read(&format!("{folder}/report.html"));
    for chart in ["figure6", "figure6_many_videos"] {
        let svg = lab.read(&format!("{folder}/{chart}.svg"));
        // Seven people in the legend, and a panel a setting.
        assert_eq!(svg.matches("test-0000").count(), 7, "{chart}");
        for setting in ["neither", "aligner", "aligner and Euler embedding"] {
            assert!(written(&svg).any(|text| text == setting), "{chart} lacks `{setting}`");
        }
        assert!(lab.path(&format!("{folder}/{chart}.png")).exists());
    }
    assert!(page.contains("where the nose points"));
    let rows = lab.read(&format!("{folder}/results.csv"));
    let people = values(
        &rows,
        "map_silhouette",
        &[("surroundings", "one video"), ("components", "aligner")],
    );
    assert_eq!(people.len(), 7);
    // What frames of one video share tells people apart even before any training.
    let of = |surroundings: &str| {
        mean(&values(
            &rows,
            "identity_silhouette",
            &[("surroundings", surroundings), ("components", "neither")],
        ))
    };
    assert!(
        of("one video") > of("many videos") + 0.05,
        "{} {}",
        of("one video"),
        of("many videos")
    );
}

#[test]
fn entries_are_shown_with_the_poses_they_are_active_in() {
    let lab = Lab::new();
    let folder = smoke(&lab, "dictionary_poses", "4");
    let svg = lab.read(&format!("{folder}/figure7.svg"));
    for pose in ["frontal", "upward", "downward"] {
        assert!(svg.contains(pose), "no `{pose}`");
    }
    let entries = written(&svg).filter(|text| text.starts_with('#')).count();
    assert_eq!(entries, 15, "three entries for each of five poses");
    let faces = image::open(lab.path(&format!("{folder}/figure7_faces.png"))).unwrap();
    assert!(faces.width() > 600 && faces.height() > 600, "{:?}", faces.width());
    let rows = lab.read(&format!("{folder}/results.csv"));
    let information =
        values(&rows, "entry_pose_information", &[("training", "trained"), ("euler", "timestep")]);
    assert!(information.iter().all(|value| value.is_finite()) && information.len() == 8);
    assert!(mean(&information) <= 1.0);
}

#[test]
fn a_still_profile_fools_the_printed_filter_alone() {
    let lab = Lab::new();
    let folder = smoke(&lab, "dataset_filter", "9");
    let rows = lab.read(&format!("{folder}/results.csv"));
    let kept = |error: &str, filter: &str| {
        mean(&values(&rows, "filter_still_profiles", &[("error_deg", error), ("filter", filter)]))
    };
    assert_eq!(kept("0", "range, 120°"), 0.0, "without errors nothing jumps");
    assert!(kept("3", "range, 120°") > 0.3);
    assert_eq!(kept("3", "geodesic, calibrated"), 0.0);
    let auc = |filter: &str| {
        mean(&values(&rows, "filter_auc", &[("error_deg", "3"), ("filter", filter)]))
    };
    assert!(auc("geodesic, calibrated") > auc("range, calibrated"));
    assert!(lab.path(&format!("{folder}/still_profile.png")).exists());
    let page = fs::read_to_string(lab.path(&format!("{folder}/report.html"))).unwrap();
    assert!(page.contains("rotation since frame 0") && !page.contains("Not made yet"));
}

#[test]
fn figures_are_drawn_again_from_the_store() {
    let lab = Lab::new();
    let folder = smoke(&lab, "dataset_filter", "9");
    let before = fs::read(lab.path(&format!("{folder}/still_heads.svg"))).unwrap();
    fs::remove_dir_all(lab.path("runs")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/dataset_filter.rhai");
    lab.run(["report", script, "--scale", "smoke", "-P", "seeds=1"]).ok();
    assert_eq!(fs::read(lab.path(&format!("{folder}/still_heads.svg"))).unwrap(), before);
}
