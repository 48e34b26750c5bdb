//! The manual: written from the doc comments, never stale, and its examples work.

use std::{fs, path::Path};

use ffrun::script::{Experiment, definitions};

use super::contract::{HEAD, nothing_measured, options};

#[test]
fn the_committed_reference_is_not_stale() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib");
    for (file, text) in definitions() {
        let committed = fs::read_to_string(folder.join(&file)).unwrap_or_default();
        assert!(committed == text, "stdlib/{file} is stale: run `ffrun definitions`");
    }
}

#[test]
fn the_reference_is_the_same_every_time() {
    assert_eq!(definitions(), definitions());
}

/// The blocks of Rhai in the reference.
fn examples() -> Vec<String> {
    let files = definitions();
    let (_, page) = files.iter().find(|(file, _)| file == "REFERENCE.md").expect("a reference");
    let blocks = page.split("```rhai\n").skip(1);
    blocks.filter_map(|block| block.split_once("```")).map(|(text, _)| text.to_owned()).collect()
}

/// A script around an example: where it runs follows from what it calls.
fn around(example: &str) -> String {
    if example.starts_with("declare(") {
        return format!("{example}\nfn run(trial) {{ {RUN} }}");
    }
    let tensors = ["matmul", "max(-2)", "softmax", "log_sum_exp(-2)", "cosine", "cat("];
    if tensors.iter().any(|word| example.contains(word)) && !example.contains("but(") {
        return format!(
            "{HEAD}fn run(trial) {{ let s = schedule::aligner().but(#{{ extra_loss: \
             |s1_nd, s2_nd, w1_nc, w2_nc| {{ let weights_bc = w1_nc; let correlations_blc = \
             cat([w1_nc, w2_nc], 0); {example} s1_nd.sum() }} }}); {RUN} }}"
        );
    }
    if example.contains("claim(") {
        return format!("{HEAD}fn run(trial) {{ {RUN} }} fn claims(results) {{ {example} }}");
    }
    if example.contains("results.") {
        let example = example.trim();
        return format!(
            "{HEAD}fn run(trial) {{ {RUN} }} fn report(results) {{ let v = {{ {example} }}; }}"
        );
    }
    if ["table(", "chart(", "picture(", "note(", "paper::"]
        .iter()
        .any(|word| example.contains(word))
    {
        return format!("{HEAD}fn run(trial) {{ {RUN} }} fn report(results) {{ {example} }}");
    }
    if example.starts_with("published(") {
        return format!(
            "{HEAD}fn run(trial) {{ {RUN} }} fn report(results) {{ let v = {example}; }}"
        );
    }
    let setup = "let faces = heads::stills(); let model = aligner::paper(); \
         let fitted = train(model, faces.train, schedule::aligner(), 0); \
         let clips = heads::clips(); let base = generator::pretrained(\"heads\"); \
         let parts = #{ adapter: generator::adapter(), clips: clips.tuning, \
         schedule: schedule::tuning() }; let tuned = tune(base, parts, 0); \
         let ruler = train(evaluators::arcface(), evaluators::clips(\"train\"), 0);";
    format!("{HEAD}fn run(trial) {{ {setup} let v = {{ {example} }}; {RUN} }}")
}

const RUN: &str = "let f = heads::stills(); \
     evaluate(train(aligner::paper(), f.train, schedule::aligner(), trial.seed), f.test)";

/// Settings that an example speaks of.
fn varied(example: &str) -> &'static str {
    match example {
        _ if example.contains("\"frontal\"") => {
            "vary: #{ method: [\"lora\", \"faithful\"], reference: [\"frontal\", \"turned\"] }"
        }
        _ if example.contains("method") => "vary: #{ method: [\"lora\", \"faithful\"] }",
        _ => "vary: #{ pool: [\"max\"], elements: [1024, 4096, 32768] }",
    }
}

#[test]
fn every_example_runs() {
    let examples = examples();
    assert!(examples.len() > 25, "only {} examples", examples.len());
    let mut wrong = Vec::new();
    for example in &examples {
        // The documented sizes are of the paper; the case declares small ones of its own.
        let text = around(example)
            .replace(
                "metrics: [\"retrieval_top1\"]",
                "metrics: [\"retrieval_top1\", \"psnr\", \"verification_auc\", \
                 \"identity_silhouette\", \"entry_pose_gap\", \"filter_recall\", \
                 \"facesim_arc_in_world\", \"facesim_cur_in_world\", \"gflop_per_clip\"]",
            )
            .replace("vary: #{ elements: [64, 128] }", varied(example))
            .replace("#{ elements: 1024 }", "#{ elements: 1024, pool: \"max\" }")
            .replace("#{ elements: 4096 }", "#{ elements: 4096, pool: \"max\" }")
            .replace("#{ elements: 32768 }", "#{ elements: 32768, pool: \"max\" }");
        let tried = Experiment::read("example.rhai", &text, &options()).and_then(|experiment| {
            let results = nothing_measured(&experiment);
            experiment.report(&results)?;
            experiment.claims(&results)
        });
        if let Err(error) = tried {
            wrong.push(format!("{example}\n{} {:?}\n", error.message(), error.location()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
