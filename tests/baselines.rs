//! Mechanisms from scripts: tuned and sampled on the base that ships, at the smallest scale.

use std::{fs, path::Path};

use crate::faults::kill_at_random;
use crate::lab::{Lab, Ran};

/// A script that tunes a mechanism with these parts more, and measures its clips.
fn script(name: &str, mechanism: &str, more: &str) -> String {
    format!(
        "declare(#{{ name: \"{name}\", asks: \"?\", metrics: [\"psnr\", \"passes\",\n\
         \"trained_parameters\"] }});\n\
         fn run(trial) {{\n\
         let clips = heads::clips();\n\
         let told = {mechanism};\n\
         let parts = #{{ adapter: generator::adapter(), clips: clips.tuning,\n\
         schedule: schedule::tuning().but(#{{ warmup: 0 }}),\n\
         mechanism: baselines::guided(baselines::on_vace(told), 2.0) }} + #{{ {more} }};\n\
         let base = generator::pretrained(\"heads\");\n\
         evaluate(generate(tune(base, parts, trial.seed), clips.test, sampler::unipc()))\n}}\n"
    )
}

/// A rate at which nothing moves, so that the start of a tuning is sampled.
const STILL: &str = "schedule: schedule::tuning().but(#{ lr: 1e-30, weight_decay: 0, warmup: 0 })";

const ALIGNED: &str = "aligner: aligner::paper().but(#{ elements: 64 }), \
                       faces: heads::stills().train, pairs: schedule::beside_tuning()";

fn run(lab: &Lab, text: &str) -> Ran {
    lab.write("one.rhai", text);
    lab.run(["run", "one.rhai", "--scale", "smoke"])
}

/// The clips of the only `generate` stage of a script.
fn clips(lab: &Lab, text: &str) -> Vec<u8> {
    run(lab, text).ok();
    let key = lab.keys_of("one.rhai", "generate", &["--scale", "smoke"]).remove(0);
    fs::read(lab.result(&key, "clips.safetensors")).unwrap()
}

fn experiment() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/baselines.rhai").display().to_string()
}

#[test]
fn the_comparison_runs_at_the_smallest_scale() {
    let lab = Lab::new();
    let script = experiment();
    let flags = ["--scale", "smoke", "-P", "seeds=1", "-P", "reference=frontal"];
    let small = ["-P", "clip_test_people=2"];
    let words = || [&["run", script.as_str()][..], &flags, &small].concat();
    let out = lab.run(words()).ok();
    assert!(out.contains("22 of 22 trials measured"), "{out}");
    let read = |name: &str| lab.read(&format!("runs/baselines-smoke/{name}"));
    for file in ["table1.md", "budget.md", "table5.md", "pareto.svg", "turns.svg"] {
        assert!(read(file).len() > 50, "{file}");
    }
    let costs = read("costs.csv");
    for (method, passes) in [("VACE", 4), ("Phantom", 6), ("Stand-In", 4)] {
        let row = format!("baselines,smoke,{method},modules,frontal,0,passes,{passes},,measured");
        assert!(costs.lines().any(|line| line == row), "no {row} in\n{costs}");
    }
    let trained = |method: &str, training: &str| -> f64 {
        let start = format!("baselines,smoke,{method},{training},frontal,0,trained_parameters,");
        let found = costs.lines().find_map(|line| line.strip_prefix(start.as_str()));
        found.unwrap().split(',').next().unwrap().parse().unwrap()
    };
    assert!(trained("Phantom", "published") > 20.0 * trained("Phantom", "modules"));
    assert!(trained("Stand-In", "published") < trained("Stand-In", "modules"));
    assert_eq!(trained("FaithfulFaces", "published"), trained("FaithfulFaces", "modules"));
    let results = read("results.csv");
    assert!(!results.contains("seconds_per_clip"), "what a machine took is no result");
    let again = lab.run([words(), vec!["--json"]].concat()).ok();
    assert!(!again.contains("\"started\""), "{again}");
}

#[test]
fn mechanisms_start_as_the_base_where_they_can() {
    let lab = Lab::new();
    let start = |mechanism: &str, more: &str| {
        clips(&lab, &script("start", mechanism, &format!("{STILL}, {more}")))
    };
    let base = clips(
        &lab,
        "declare(#{ name: \"base\", asks: \"?\", metrics: [\"psnr\"] });\n\
         fn run(trial) {\n\
         let base = generator::pretrained(\"heads\");\n\
         let sampler = sampler::unipc().but(#{ guides: \"text\", guidance: 2 });\n\
         evaluate(generate(base, heads::clips().test, sampler))\n}\n",
    );
    assert!(start("baselines::vace()", "") == base, "VACE is the base itself");
    assert!(start("baselines::without_aligner()", "") == base, "LoRA starts as nothing");
    assert!(start("baselines::faithful_faces()", ALIGNED) == base, "S starts as nothing");
    let told_nothing = start("mechanism(#{ passes: baselines::vace().passes })", "");
    assert!(told_nothing != base, "the reference matters");
    for silent in ["magref()", "skyreels_a2(\"intended\")", "consisid()"] {
        let found = start(&format!("baselines::{silent}"), "");
        assert!(found == told_nothing, "{silent} does not start as the base");
    }
    for heard in ["phantom()", "stand_in()", "concat_id()", "hunyuan_custom()"] {
        let found = start(&format!("baselines::{heard}"), "");
        assert!(found != told_nothing, "{heard} does not see its reference");
    }
    // Releases and papers, where they differ at the start.
    let intended = start("baselines::concat_id(\"intended\")", "");
    assert!(intended != start("baselines::concat_id()", ""));
    assert!(intended == start("baselines::concat_id(\"first_stage\")", ""));
    assert!(start("baselines::stand_in(\"intended\")", "") == start("baselines::stand_in()", ""));
}

#[test]
fn kills_change_no_byte_of_a_tuned_mechanism() {
    let lab = Lab::new();
    let flags = ["--scale", "smoke", "-P", "tuning_steps=12"];
    let cases = [
        ("baselines::concat_id()", "trains: \"published\"".to_owned()),
        ("baselines::consisid()", String::new()),
        ("baselines::faithful_faces()", ALIGNED.to_owned()),
    ];
    for (mechanism, more) in cases {
        lab.write("killed.rhai", &script("killed", mechanism, &more));
        lab.run(["run", "killed.rhai"].into_iter().chain(flags)).ok();
        let key = lab.keys_of("killed.rhai", "tune", &flags).remove(0);
        let files = ["adapter.safetensors", "curves.csv"];
        let resumed = kill_at_random(&lab, &key, &files, 6);
        assert!(resumed > 1, "{mechanism}: only {resumed} of 6 kills left a checkpoint behind");
    }
}

#[test]
fn what_a_sampler_says_of_guidance_is_no_part_of_a_mechanisms_key() {
    let lab = Lab::new();
    let keys = ["2", "5"].map(|guidance| {
        let text = script("keys", "baselines::phantom()", "").replace(
            "sampler::unipc()",
            &format!("sampler::unipc().but(#{{ guidance: {guidance} }})"),
        );
        lab.write("one.rhai", &text);
        lab.keys_of("one.rhai", "generate", &["--scale", "smoke"])
    });
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn parts_that_do_not_fit_a_mechanism_are_named() {
    let lab = Lab::new();
    let cases = [
        ("baselines::skyreels_a2()", "", "as released cannot run with one reference"),
        ("baselines::faithful_faces()", "", "reads S, but `tune` was not given an aligner"),
        ("baselines::phantom()", ALIGNED, "but the mechanism reads no S"),
        ("baselines::phantom()", "trains: \"everything\"", "unknown trains `everything`"),
        ("baselines::stand_in(\"original\")", "", "unknown form \"original\" of stand_in"),
        ("baselines::phantom()", "mechanism: 1", "`mechanism` of `tune` cannot be a whole number"),
        (
            "baselines::phantom().but(#{ segments: [#{ references: [1] }] })",
            "",
            "segment `reference` wants reference 1, but a clip has reference 0 alone",
        ),
        (
            "baselines::magref().but(#{ image: #{ dim: 5, enters: \"attention\" } })",
            "",
            "`image.dim` is 5, but the in-world encoders want 128",
        ),
        (
            "baselines::phantom().but(#{ adapters: [#{ name: \"video\", targets: [\"q\"],\n\
             rank: 2 }] })",
            "",
            "adapters `video` of its own that nothing wears",
        ),
    ];
    for (mechanism, more, wanted) in cases {
        let ran = run(&lab, &script("wrong", mechanism, more));
        assert_eq!(ran.code, 3, "{mechanism}\n{}", ran.err);
        assert!(ran.err.contains(wanted), "{mechanism}\n{}", ran.err);
    }
    let plain = script("wrong", "baselines::phantom()", "trains: \"published\"");
    let start = plain.find("mechanism: baselines::guided").unwrap();
    let end = plain[start..].find(" }").unwrap() + start;
    let ran = run(&lab, &format!("{}{}", &plain[..start], &plain[end..]));
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("speaks of a mechanism, but none is given"), "{}", ran.err);
}
