//! Sampling from and tuning a checkpoint end to end.

use std::{fs, path::Path};

use candle_core::Device;
use ffrun_models::weights::LoraWeights;
use serde_json::Value;

use super::fake::Fake;
use crate::lab::{Lab, Ran};

/// A script whose `run` is these lines; `clips()` are two clips of five frames.
pub(super) fn script(lines: &str) -> String {
    format!(
        "declare(#{{ name: \"wan\", asks: \"?\", metrics: [\"psnr\"] }});\n\
         fn some(clips) {{\n\
         clips.but(#{{ identities: 1, clips_each: 2, families: [\"speech\", \"turning\"],\n\
         frames: 5, size_px: 64 }})\n}}\n\
         fn clips() {{ some(heads::clips().test) }}\n\
         fn sample(base) {{ evaluate(generate(base, clips(), sampler::vace())) }}\n\
         fn run(trial) {{\n{lines}\n}}\n"
    )
}

/// Runs or plans such a script at the scale `smoke`.
pub(super) fn ran(lab: &Lab, verb: &str, lines: &str) -> Ran {
    lab.write("wan.rhai", &script(lines));
    lab.run([verb, "wan.rhai", "--scale", "smoke", "--json"])
}

/// What a command complained of, without the line breaks of a terminal.
pub(super) fn said(ran: &Ran) -> String {
    let lines = ran.out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let messages: Vec<String> =
        lines.filter_map(|line| Some(line["message"].as_str()?.to_owned())).collect();
    messages.join("\n")
}

/// The clips that these lines sample.
fn sampled(lab: &Lab, lines: &str) -> Vec<u8> {
    ran(lab, "run", lines).ok();
    fs::read(lab.result(&key(lab, "generate"), "clips.safetensors")).unwrap()
}

fn key(lab: &Lab, kind: &str) -> String {
    lab.keys_of("wan.rhai", kind, &["--scale", "smoke"]).remove(0)
}

#[test]
fn both_layouts_are_sampled_to_the_same_bytes() {
    let (lab, fake) = (Lab::new(), Fake::new());
    fake.write_original(&lab.path("original"));
    fake.write_diffusers(&lab.path("diffusers"));
    let folders = [
        "sample(generator::wan(#{ folder: \"original\" }))",
        "sample(generator::wan(#{ folder: \"diffusers\" }))",
    ];
    let [original, diffusers] = folders.map(|lines| sampled(&lab, lines));
    assert!(original == diffusers, "the layouts differ");
    let parts = "sample(generator::wan(#{ transformer: \"diffusers/transformer\",\n\
                 vae: \"original/Wan2.1_VAE.pth\",\n\
                 text_encoder: \"original/models_t5_umt5-xxl-enc-bf16.pth\",\n\
                 tokenizer: \"diffusers/tokenizer\" }))";
    assert!(sampled(&lab, parts) == original, "parts named one by one differ");
    // Nothing of the checkpoint is copied into the store.
    let kept: Vec<String> = fs::read_dir(lab.result(&key(&lab, "checkpoint"), ""))
        .unwrap()
        .map(|item| item.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(kept, ["checkpoint.json"]);
    assert!(lab.run(["fsck"]).ok().contains("0 damaged"));
}

#[test]
fn files_are_known_by_content_wherever_they_lie() {
    let (lab, fake) = (Lab::new(), Fake::new());
    fake.write_original(&lab.path("here"));
    let at = |folder: &str, steps: usize| {
        format!(
            "let base = generator::wan(#{{ folder: \"{folder}\" }});\n\
             evaluate(generate(base, clips(), sampler::vace().but(#{{ steps: {steps} }})))"
        )
    };
    sampled(&lab, &at("here", 1));
    let before = key(&lab, "checkpoint");
    let generate = {
        ran(&lab, "plan", &at("here", 2)).ok();
        key(&lab, "generate")
    };
    fs::rename(lab.path("here"), lab.path("there")).unwrap();
    let gone = ran(&lab, "plan", &at("here", 2));
    assert_eq!(gone.code, 6, "{}", gone.err);
    assert!(said(&gone).contains("there is no folder `here`"), "{}", said(&gone));
    // The key is the same and the result is there: only the files themselves are looked for anew.
    ran(&lab, "run", &at("there", 2)).ok();
    assert_eq!((key(&lab, "checkpoint"), key(&lab, "generate")), (before, generate));
    // A worker that finds the files changed after the plan says which.
    ran(&lab, "plan", &at("there", 3)).ok();
    fs::remove_dir_all(lab.path(".ffrun/store/known_files")).unwrap();
    fs::remove_file(lab.path("there/Wan2.1_VAE.pth")).unwrap();
    let frozen = key_of_frozen(&lab);
    let lost = lab.run(["stage", frozen.as_str()]);
    assert_eq!(lost.code, 6, "{}", lost.err);
    assert!(lost.err.contains("`vae.00000`") && lost.err.contains("put it back"), "{}", lost.err);
}

/// The key of the `generate` stage that was computed last, its result taken away.
fn key_of_frozen(lab: &Lab) -> String {
    let mut found = None;
    for shard in fs::read_dir(lab.path(".ffrun/store")).unwrap().flatten() {
        for entry in fs::read_dir(shard.path()).into_iter().flatten().flatten() {
            let stage = fs::read_to_string(entry.path().join("stage.json")).unwrap_or_default();
            if stage.contains("\"generate\"") {
                fs::remove_file(entry.path().join("result.json")).unwrap();
                found = Some(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    found.unwrap()
}

#[test]
fn a_tuned_checkpoint_leaves_adapters_that_others_read() {
    let (lab, fake) = (Lab::new(), Fake::new());
    fake.write_original(&lab.path("wan"));
    let plain = sampled(&lab, "sample(generator::wan(#{ folder: \"wan\" }))");
    let tuned = sampled(
        &lab,
        "let schedule = schedule::tuning().but(#{ lr: 0.05, warmup: 0 });\n\
         sample(tune(generator::wan(#{ folder: \"wan\" }), #{ adapter: generator::adapter(),\n\
         clips: some(heads::clips().tuning).but(#{ identities: 2 }), schedule: schedule }, 0))",
    );
    assert!(plain != tuned, "tuning moved nothing");
    let adapters = lab.result(&key(&lab, "tune"), "adapter_model.safetensors");
    check_adapters(&adapters);
    for name in ["lora.safetensors", "pytorch_lora_weights.safetensors"] {
        check_adapters(&adapters.with_file_name(name));
    }
    // Merged into the weights, they do what they did beside them.
    fs::create_dir_all(lab.path("lora")).unwrap();
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        fs::copy(adapters.with_file_name(name), lab.path("lora").join(name)).unwrap();
    }
    let merged = sampled(
        &lab,
        "sample(generator::wan(#{ folder: \"wan\", lora: \"lora/adapter_model.safetensors\" }))",
    );
    assert_eq!(merged.len(), tuned.len());
    let apart = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a.abs_diff(**b) > 1).count();
    let (same, other) = (apart(&merged, &tuned), apart(&merged, &plain));
    assert!(same * 20 < other, "{same} bytes differ from the tuned, {other} from the plain");
}

fn check_adapters(path: &Path) {
    let lora = LoraWeights::read(path, &Device::Cpu).unwrap();
    // q, k and v of four blocks and of two VACE blocks.
    assert_eq!(lora.layers.len(), 3 * (4 + 2), "{}", path.display());
    assert!(lora.layers.contains_key("vace_blocks.1.self_attn.k"));
    assert!(lora.layers.values().all(|layer| layer.rank() == 2 && layer.alpha == 2.0));
}

#[test]
fn a_need_beyond_the_machine_is_6_before_anything_is_loaded() {
    let (lab, fake) = (Lab::new(), Fake::new());
    fake.write_original(&lab.path("wan"));
    let plan = ran(
        &lab,
        "run",
        "sample(tune(generator::wan(#{ folder: \"wan\" }), #{ adapter: generator::adapter(),\n\
         clips: some(heads::clips().tuning),\n\
         schedule: schedule::tuning().but(#{ batch: 100_000_000 }) }, 0))",
    );
    assert_eq!(plan.code, 6, "{}", plan.err);
    let said = said(&plan);
    assert!(said.contains("a `tune` stage needs about"), "{said}");
    assert!(said.contains("a smaller checkpoint"), "{said}");
    assert!(!lab.path(".ffrun/store/plans").exists());
}
