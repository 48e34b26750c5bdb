//! The validity page of the in-world evaluators beside public networks that a user brings.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::lab::Lab;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/evaluators.rhai");

fn assets(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/assets").join(folder);
    if !path.exists() {
        eprintln!("skipped: `{}` is absent", path.display());
        return None;
    }
    Some(path)
}

/// Rows of `results.csv` of one metric.
fn rows(lab: &Lab, metric: &str) -> Vec<BTreeMap<String, String>> {
    let text = lab.read("runs/evaluators-smoke/results.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let all = reader.deserialize().map(|row| row.unwrap());
    all.filter(|row: &BTreeMap<String, String>| row["metric"] == metric).collect()
}

#[test]
fn without_public_networks_the_page_says_how_to_bring_some() {
    let lab = Lab::new();
    lab.run([SCRIPT, "--scale", "smoke", "-P", "ruler=pose"]).ok();
    let page = lab.read("runs/evaluators-smoke/report.md");
    assert!(page.contains("Public networks were not asked"), "{page}");
    assert!(rows(&lab, "agreement_pose").is_empty());
    let wrong = lab.run(["plan", SCRIPT, "--scale", "smoke", "-P", "weights=absent"]);
    assert!(wrong.code != 0 && wrong.err.contains("absent"), "{}", wrong.err);
}

/// Two photographs of each of three people.
fn album(lab: &Lab) -> Option<()> {
    let photographs = assets("data/cmu_faces")?;
    for person in ["an2i", "at33", "boland"] {
        let folder = lab.path("album").join(person);
        fs::create_dir_all(&folder).unwrap();
        for direction in ["straight", "left"] {
            let name = format!("{person}_{direction}_neutral_open.pgm");
            fs::copy(photographs.join(person).join(&name), folder.join(&name)).unwrap();
        }
    }
    Some(())
}

#[test]
fn evaluators_are_held_against_public_networks() {
    let lab = Lab::new();
    let (Some(weights), Some(())) = (assets("models"), album(&lab)) else { return };
    let weights = format!("weights={}", weights.display());
    let words =
        |verb| [verb, SCRIPT, "--scale", "smoke", "-P", &weights, "-P", "photographs=album"];
    lab.run(words("run")).ok();
    // Four people of the smoke scale, each with a value of the jackknife, by two recognisers.
    for metric in ["agreement_a", "agreement_b"] {
        let found = rows(&lab, metric);
        assert_eq!(found.len(), 8, "{metric}: {found:?}");
    }
    for metric in ["photo_auc_a", "photo_auc_b", "photo_face_rate"] {
        let found = rows(&lab, metric);
        assert!(found.len() == 3 && found.iter().all(|row| row["ruler"] == "public"), "{found:?}");
    }
    let mean = |metric| {
        let values: Vec<f64> =
            rows(&lab, metric).iter().map(|row| row["value"].parse().unwrap()).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    assert!(mean("photo_face_rate") > 0.6 && mean("photo_auc_a") > 0.6);
    assert!((0.0..=180.0).contains(&mean("agreement_pose")));
    let page = lab.read("runs/evaluators-smoke/report.md").replace('\\', "");
    for wanted in
        ["Recogniser A is mobileface_v2, B is faceres_vggface2", "A and B with each other"]
    {
        assert!(page.contains(wanted), "{wanted} is missing in:\n{page}");
    }

    // A moved folder is the same photographs, and a changed one is another stage.
    let key = || lab.keys_of(SCRIPT, "photographs", &words("plan")[2..]);
    let before = key();
    let path = lab.path("album/boland/boland_left_neutral_open.pgm");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(before.len() == 1 && before != key());
    fs::remove_dir_all(lab.path("album/boland")).unwrap();
    fs::remove_dir_all(lab.path("album/at33")).unwrap();
    let one = lab.run(words("plan"));
    assert!(one.code != 0 && one.err.contains("photographs of 1 people"), "{}", one.err);
}
