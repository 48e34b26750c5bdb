//! The generator's stages at the smallest scale: pretraining in rounds, tuning under S, sampling.

use std::fs;

use crate::faults::kill_at_random;
use crate::lab::{Lab, Ran};

/// A script whose `run` is these lines. Everything shares one store, so bases are trained once.
fn script(name: &str, lines: &str) -> String {
    format!(
        "declare(#{{ name: \"{name}\", asks: \"?\", metrics: [\"psnr\"] }});\n\
         fn base() {{\n\
         let clips = heads::clips();\n\
         pretrain(generator::micro(), #{{ codec: generator::codec(), text: generator::text(),\n\
         clips: clips.train, schedule: schedule::pretraining() }}, 0)\n}}\n\
         fn parts() {{\n\
         #{{ adapter: generator::adapter(), clips: heads::clips().tuning,\n\
         schedule: schedule::tuning().but(#{{ lr: 0.05, warmup: 0 }}) }}\n}}\n\
         fn with_s() {{\n\
         parts() + #{{ aligner: aligner::paper().but(#{{ elements: 64 }}),\n\
         faces: heads::stills().train, pairs: schedule::beside_tuning() }}\n}}\n\
         fn sample(from) {{\n\
         generate(from, heads::clips().test, sampler::unipc().but(#{{ steps: 2 }}))\n}}\n\
         fn run(trial) {{\n{lines}\n}}\n"
    )
}

fn run(lab: &Lab, name: &str, lines: &str) -> Ran {
    let file = format!("{name}.rhai");
    lab.write(&file, &script(name, lines));
    lab.run(["run", file.as_str(), "--scale", "smoke"])
}

/// The one score of an experiment, to the last digit.
fn psnr(lab: &Lab, name: &str, lines: &str) -> String {
    run(lab, name, lines).ok();
    lab.read(&format!("runs/{name}-smoke/results.csv"))
}

/// The bytes of the only stage of a kind, in a store that holds one.
fn results(lab: &Lab, kind: &str, file: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for shard in fs::read_dir(lab.path(".ffrun/store")).unwrap().flatten() {
        let Ok(entries) = fs::read_dir(shard.path()) else { continue };
        for entry in entries.flatten().map(|entry| entry.path()) {
            let stage = fs::read_to_string(entry.join("stage.json")).unwrap_or_default();
            if stage.contains(&format!("\"kind\": \"{kind}\""))
                || stage.contains(&format!("\"kind\":\"{kind}\""))
            {
                found.extend(fs::read(entry.join("out").join(file)).ok());
            }
        }
    }
    found
}

#[test]
fn a_base_is_tuned_and_sampled_and_the_same_again_elsewhere() {
    let scores = [0, 1].map(|_| {
        let lab = Lab::new();
        let tuned = psnr(&lab, "tuned", "evaluate(sample(tune(base(), with_s(), trial.seed)))");
        let adapters = results(&lab, "tune", "adapter.safetensors");
        let clips = results(&lab, "generate", "clips.safetensors");
        assert_eq!((adapters.len(), clips.len()), (1, 1));
        (tuned, adapters, clips)
    });
    assert!(scores[0] == scores[1], "two fresh stores differ");
}

#[test]
fn kills_change_no_byte_of_a_base_or_a_tuning() {
    let lab = Lab::new();
    let flags = ["--scale", "smoke", "-P", "steps=30", "-P", "tuning_steps=30"];
    let lines = "evaluate(sample(tune(base(), with_s(), trial.seed)))";
    lab.write("killed.rhai", &script("killed", lines));
    lab.run(["run", "killed.rhai"].into_iter().chain(flags)).ok();
    let rows = lab.read("runs/killed-smoke/results.csv");
    for (kind, files) in [
        ("pretrain", &["base.safetensors", "curves.csv"][..]),
        ("tune", &["adapter.safetensors", "aligner.safetensors", "curves.csv"][..]),
    ] {
        let key = lab.keys_of("killed.rhai", kind, &flags).remove(0);
        let resumed = kill_at_random(&lab, &key, files, 12);
        assert!(resumed > 2, "`{kind}`: only {resumed} of 12 kills left a checkpoint behind");
    }
    lab.run(["run", "killed.rhai"].into_iter().chain(flags)).ok();
    assert_eq!(lab.read("runs/killed-smoke/results.csv"), rows);
}

#[test]
fn every_metric_of_generated_clips_is_measured_with_its_anchors() {
    let lab = Lab::new();
    let names = [
        "facesim_arc_in_world",
        "facesim_arc_turned_in_world",
        "identity_top1_in_world",
        "facesim_cur_in_world",
        "facesim_cur_turned_in_world",
        "identity_top1_cur_in_world",
        "face_rate_in_world",
        "pose_error_in_world",
        "turn_direction_in_world",
        "clip_score_in_world",
        "fid_pooled_in_world",
        "kid_in_world",
        "fid_consisid_in_world",
        "psnr",
    ];
    let text = format!(
        "declare(#{{ name: \"all\", asks: \"?\", metrics: {names:?} }});\n\
         fn run(trial) {{\n\
         evaluate(generate(generator::pretrained(\"heads\"), heads::clips().test,\n\
         sampler::unipc()))\n}}\n"
    );
    lab.write("all.rhai", &text);
    let flags = ["--scale", "smoke", "-P", "clip_test_people=3"];
    lab.run(["run", "all.rhai"].into_iter().chain(flags)).ok();
    let key = lab.keys_of("all.rhai", "judge", &flags).remove(0);
    let read = |name: &str| fs::read_to_string(lab.result(&key, name)).unwrap();
    let (scores, anchors) = (read("scores.csv"), read("anchors.csv"));
    for name in names {
        assert!(scores.contains(&format!("{name},")), "no `{name}` in\n{scores}");
        assert!(anchors.contains(&format!(",{name},")), "no floor or ceiling of `{name}`");
    }
    let value = |label: &str, metric: &str| -> f64 {
        let start = format!("{label},{metric},");
        let found = anchors.lines().find_map(|line| line.strip_prefix(start.as_str()));
        found.unwrap_or_else(|| panic!("no {start} in\n{anchors}")).parse().unwrap()
    };
    // Rulers that cannot tell what was filmed from a floor measure nothing.
    let (own, other) = ("what was filmed", "another person's reference");
    assert!(value(own, "facesim_arc_in_world") > value(other, "facesim_arc_in_world") + 0.1);
    assert!(value(own, "fid_consisid_in_world") < value(other, "fid_consisid_in_world"));
    let (own, other) = ("what was filmed", "another clip of the family");
    assert!(value(own, "pose_error_in_world") < value(other, "pose_error_in_world"));
    let frames = read("frames.csv");
    assert_eq!(frames.lines().count(), 1 + 3 * 6 * 4, "one row a frame");
    films(&lab, &flags);
}

#[test]
fn references_may_be_turned_and_videos_compared_with_frontal_ones() {
    let lab = Lab::new();
    let text = "declare(#{ name: \"turned\", asks: \"?\", metrics: [\"facesim_arc_in_world\"],\n\
                vary: #{ against: [\"given\", \"frontal\"] } });\n\
                fn run(trial) {\n\
                let frontal = heads::clips().test;\n\
                let turned = frontal.but(#{\n\
                    reference_yaw_deg: 60, reference_yaw_least_deg: 30 });\n\
                let base = generator::pretrained(\"heads\");\n\
                let videos = generate(base, turned, sampler::unipc());\n\
                if trial.against == \"given\" { evaluate(videos) }\n\
                else { evaluate(videos, frontal) }\n}\n";
    lab.write("turned.rhai", text);
    lab.run(["run", "turned.rhai", "--scale", "smoke"]).ok();
    let values = scores_of(&lab.read("runs/turned-smoke/results.csv"));
    assert_eq!(values.len(), 4, "two people, two comparisons");
    assert_ne!(values[..2], values[2..]);
    let key = lab.keys_of("turned.rhai", "clips", &["--scale", "smoke"]).into_iter();
    let yaws = |key: String| -> Vec<f64> {
        let bytes = fs::read(lab.result(&key, "clips.safetensors")).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let labels = header["__metadata__"]["labels"].as_str().unwrap();
        let labels: Vec<serde_json::Value> = serde_json::from_str(labels).unwrap();
        let yaw = |label: &serde_json::Value| label["reference_pose_deg"][1].as_f64().unwrap();
        labels.iter().map(|label| yaw(label).abs()).collect()
    };
    let sets: Vec<Vec<f64>> = key.map(yaws).collect();
    assert!(sets.iter().any(|set| set.iter().all(|yaw| *yaw <= 20.0)), "{sets:?}");
    assert!(sets.iter().any(|set| set.iter().all(|yaw| (30.0..=60.0).contains(yaw))), "{sets:?}");
    let other = text.replace("evaluate(videos, frontal)", "evaluate(videos, heads::clips().train)");
    lab.write("turned.rhai", &other);
    let ran = lab.run(["plan", "turned.rhai", "--scale", "smoke"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("made for other people or clips"), "{}", ran.err);
}

/// The samples as films, where ffmpeg is there to write them.
fn films(lab: &Lab, flags: &[&str]) {
    let ran = lab.run(["report", "all.rhai", "--mp4"].into_iter().chain(flags.iter().copied()));
    if ran.code == 6 && ran.err.contains("ffmpeg") {
        println!("skipped: {}", ran.err);
        return;
    }
    let said = ran.ok();
    let film = said.lines().find_map(|line| line.strip_prefix("film: ")).expect("a film");
    let film = fs::read(lab.path(film)).unwrap();
    assert_eq!(&film[4..8], b"ftyp", "an MP4");
}

#[test]
fn an_aligner_and_the_clips_it_steers_are_measured_as_one_trial() {
    let lab = Lab::new();
    let text = "declare(#{ name: \"both\", asks: \"?\", metrics: [\"silhouette\", \"psnr\"] });\n\
                fn run(trial) {\n\
                let faces = heads::stills();\n\
                let fitted = train(aligner::paper(), faces.train, schedule::aligner(), 0);\n\
                let base = generator::pretrained(\"heads\");\n\
                evaluate(fitted, faces.test)\n\
                + evaluate(generate(base, heads::clips().test, sampler::unipc()))\n}\n";
    lab.write("both.rhai", text);
    lab.run(["run", "both.rhai", "--scale", "smoke"]).ok();
    let rows = lab.read("runs/both-smoke/results.csv");
    assert!(rows.contains("silhouette") && rows.contains("psnr"), "{rows}");
    assert!(lab.read("runs/both-smoke/curves.csv").contains("loss"));
}

#[test]
fn every_injection_changes_the_samples_and_so_does_a_perturbed_angle() {
    let lab = Lab::new();
    let base = psnr(&lab, "base", "evaluate(sample(base()))");
    let lora = psnr(&lab, "lora", "evaluate(sample(tune(base(), parts(), 0)))");
    assert_ne!(scores_of(&base), scores_of(&lora), "LoRA moved nothing");
    for kind in ["add", "token", "adaln", "xattn"] {
        let with = format!(
            "let parts = with_s();\n\
             parts.adapter = parts.adapter.but(#{{ injection: \"{kind}\" }});\n"
        );
        let plain = psnr(&lab, kind, &format!("{with} evaluate(sample(tune(base(), parts, 0)))"));
        assert_ne!(scores_of(&plain), scores_of(&lora), "`{kind}` injects nothing");
        let off = format!(
            "{with} evaluate(generate(tune(base(), parts, 0), heads::clips().test,\n\
             sampler::unipc().but(#{{ steps: 2 }}), #{{ degrees: 40, draw: 1 }}))"
        );
        let roll = off.replace("draw: 1", "draw: 1, angles: [\"roll\"]");
        let off = psnr(&lab, &format!("{kind}_off"), &off);
        assert_ne!(scores_of(&plain), scores_of(&off), "`{kind}` does not see the angles");
        let roll = psnr(&lab, &format!("{kind}_roll"), &roll);
        assert_ne!(scores_of(&roll), scores_of(&off), "all angles are off where one is named");
    }
}

/// The values of a results file, in its order.
fn scores_of(results: &str) -> Vec<String> {
    let mut rows = csv::Reader::from_reader(results.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let value = headers.iter().position(|name| name == "value").expect("a column `value`");
    let scores: Vec<String> = rows.records().map(|row| row.unwrap()[value].to_owned()).collect();
    assert!(!scores.is_empty(), "{results}");
    scores
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let lab = Lab::new();
    let cases = [
        ("evaluate(sample(tune(base(), #{}, 0)))", "`tune` was not given `adapter`"),
        (
            "evaluate(sample(tune(base(), parts() + #{ alinger: 1 }, 0)))",
            "`tune` has no part `alinger`",
        ),
        (
            "evaluate(sample(tune(base(), parts() + #{ clips: heads::stills().train }, 0)))",
            "`clips` of `tune` cannot be",
        ),
        (
            "evaluate(generate(base(), heads::clips().train, sampler::euler()))",
            "trained on the people",
        ),
        (
            "evaluate(generate(base(), heads::clips().test.but(#{ frames: 0 }), sampler::euler()))",
            "`frames` must be at least 1",
        ),
        (
            "evaluate(generate(base(), heads::clips().test.but(#{ frames: 3 }), sampler::euler()))",
            "but the generator makes 4 frames",
        ),
        (
            "evaluate(generate(tune(base(), with_s(), 0), heads::clips().test, sampler::euler(),\n\
             #{ degrees: 5, draw: 0, angles: [\"yow\"] }))",
            "did you mean `yaw`",
        ),
        ("evaluate(sample(generator::pretrained(\"haeds\")))", "no base ships for the world"),
        (
            "let faces = heads::stills();\n\
             evaluate(train(aligner::paper(), faces.train, schedule::aligner(), 0), faces.test)",
            "`evaluate` measures a trained aligner, but no declared metric speaks",
        ),
        ("generator::adapter().but(#{ places: [\"self_x\"] })", "unknown place `self_x`"),
    ];
    for (lines, wanted) in cases {
        let ran = run(&lab, "wrong", lines);
        assert_eq!(ran.code, 3, "{lines}\n{}", ran.err);
        assert!(ran.err.contains(wanted), "{lines}\n{}", ran.err);
    }
}

#[test]
fn a_plan_that_cannot_fit_is_6_and_says_what_helps() {
    let lab = Lab::new();
    lab.write("large.rhai", &script("large", "evaluate(sample(base()))"));
    let ran = lab.run([
        "plan",
        "large.rhai",
        "--scale",
        "paper",
        "-P",
        "generator_width=12288",
        "-P",
        "generator_ffn=98304",
    ]);
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.out.contains("VACE-14B, sampling"), "{}", ran.out);
    assert!(
        ran.err.contains("stage needs about") && ran.err.contains("lower `batch`"),
        "{}",
        ran.err
    );
    assert!(!lab.path(".ffrun/store").join("tmp").exists());
}

#[test]
fn the_main_comparison_is_planned_at_the_scale_of_the_paper() {
    let lab = Lab::new();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/main.rhai");
    let ran = lab.run(["plan", &script.display().to_string(), "--scale", "paper"]);
    // A small machine refuses the plan (6), but the script must fit the base that ships.
    assert!(ran.code == 0 || ran.code == 6, "{}", ran.err);
    for model in ["VACE-1.3B", "VACE-14B"] {
        assert!(ran.out.contains(model), "no `{model}` in\n{}", ran.out);
    }
}

#[test]
fn the_shipped_base_is_the_one_its_card_describes() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let card = fs::read_to_string(root.join("models/base/heads.toml")).unwrap();
    let card: toml::Table = card.parse().unwrap();
    let bytes = fs::read(root.join(card["file"].as_str().unwrap())).unwrap();
    assert_eq!(card["bytes"].as_integer(), Some(bytes.len() as i64));
    assert!(bytes.len() <= 12_000_000, "a newcomer should not wait for it");
    assert_eq!(card["sha256"].as_str(), Some(sha256(&bytes).as_str()));
}

/// The digest that `sha256sum` prints.
fn sha256(bytes: &[u8]) -> String {
    use std::io::Write;
    let mut child = std::process::Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sha256sum of the system");
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    said.split_whitespace().next().unwrap_or_default().to_owned()
}
