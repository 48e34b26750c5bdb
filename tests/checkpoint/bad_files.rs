//! Files that are not what they should be: each a message that names file, key, shapes and remedy.

use std::{fs, path::Path};

use candle_core::{DType, Device, Tensor};
use ffrun_models::{
    checkpoint::encode,
    weights::{LoraLayer, LoraStyle, LoraWeights},
};

use super::{
    fake::{Fake, Weights, put},
    sampling::{ran, said},
};
use crate::lab::Lab;

const SAMPLE: &str = "sample(generator::wan(#{ folder: \"wan\" }))";

/// Spoils the checkpoint in a fresh laboratory, and checks how `verb` ends.
fn refused(
    verb: &str,
    spoil: impl Fn(&mut Fake, &Path),
    lines: &str,
    (code, wanted): (i32, &[&str]),
) {
    let (lab, mut fake) = (Lab::new(), Fake::new());
    let folder = lab.path("wan");
    fake.write_diffusers(&folder);
    spoil(&mut fake, &folder);
    let ended = ran(&lab, verb, lines);
    assert_eq!(ended.code, code, "{wanted:?}: {}\n{}", ended.out, ended.err);
    let said = said(&ended);
    for word in wanted {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 100]).unwrap();
}

/// The transformer alone, in one file.
fn rewrite(folder: &Path, weights: &Weights) {
    fs::remove_dir_all(folder.join("transformer")).unwrap();
    put(folder, "transformer/diffusion_pytorch_model.safetensors", &encode(weights).unwrap());
    let config = r#"{ "num_heads": 4, "num_layers": 4, "vace_layers": [0, 2] }"#;
    put(folder, "transformer/config.json", config.as_bytes());
}

#[test]
fn files_cut_short_or_missing_are_told_by_the_plan() {
    let shard = "transformer/diffusion_pytorch_model-00002-of-00002.safetensors";
    let short = ["00002-of-00002.safetensors` is cut short", "fetch it again"];
    refused("plan", |_, folder| cut(&folder.join(shard)), SAMPLE, (6, &short));
    let missing = ["00002-of-00002.safetensors` is missing", "fetch all shards"];
    let remove = |name: &'static str| {
        move |_: &mut Fake, folder: &Path| {
            fs::remove_file(folder.join(name)).unwrap();
        }
    };
    refused("plan", remove(shard), SAMPLE, (6, &missing));
    let tokenizer = ["holds no tokenizer", "name it with `tokenizer`"];
    refused("plan", remove("tokenizer/tokenizer.json"), SAMPLE, (6, &tokenizer));
}

#[test]
fn files_of_another_network_are_told_by_the_plan() {
    let lines = "sample(generator::wan(#{ folder: \"wan\", transformer: \"wan/vae\" }))";
    let other = ["it has no `patch_embedding.weight`", "not a transformer of Wan"];
    refused("plan", |_, _| (), lines, (6, &other));
    let code = |_: &mut Fake, folder: &Path| {
        let pickle = include_bytes!("../../models/weights/testdata/malicious.pth");
        put(folder, "evil/Wan2.1_VAE.pth", pickle);
    };
    let lines = "sample(generator::wan(#{ folder: \"wan\", vae: \"wan/evil/Wan2.1_VAE.pth\" }))";
    let evil = ["Wan2.1_VAE.pth` refers to `posix.system`", "Do not use it"];
    refused("plan", code, lines, (6, &evil));
    let plain = |fake: &mut Fake, folder: &Path| {
        fake.transformer.retain(|name, _| !name.starts_with("vace_"));
        rewrite(folder, &fake.transformer);
    };
    refused("plan", plain, SAMPLE, (6, &["the transformer has no VACE branch"]));
}

#[test]
fn keys_that_do_not_fit_are_listed_strictly() {
    let spoil = |fake: &mut Fake, folder: &Path| {
        let gone = fake.transformer.remove("blocks.1.self_attn.q.weight").unwrap();
        fake.transformer.insert("blocks.1.self_attn.qq.weight".into(), gone);
        let wide = Tensor::zeros((64, 65), DType::F32, &Device::Cpu).unwrap();
        fake.transformer.insert("blocks.2.self_attn.k.weight".into(), wide);
        rewrite(folder, &fake.transformer);
    };
    let report = [
        "1 missing, 1 unexpected, 1 of another shape",
        "blocks.1.self_attn.q.weight (the file has `blocks.1.self_attn.qq.weight`)",
        "blocks.2.self_attn.k.weight: expected [64, 64], found [64, 65]",
    ];
    refused("run", spoil, SAMPLE, (6, &report));
}

#[test]
fn values_that_are_no_numbers_are_told_with_their_place() {
    let spoil = |fake: &mut Fake, folder: &Path| {
        let name = "blocks.3.ffn.2.bias";
        let spoilt = (&fake.transformer[name] * f64::NAN).unwrap();
        fake.transformer.insert(name.into(), spoilt);
        rewrite(folder, &fake.transformer);
    };
    let said = ["tensor `blocks.3.ffn.2.bias`", "has 64 values that are not finite"];
    refused("run", spoil, SAMPLE, (6, &said));
}

#[test]
fn a_file_that_is_no_tokenizer_is_named() {
    let spoil = |_: &mut Fake, folder: &Path| put(folder, "tokenizer/tokenizer.json", b"{}");
    let said = ["tokenizer.json`: this is no `tokenizer.json`", "fetch the one that came with"];
    refused("run", spoil, SAMPLE, (6, &said));
}

#[test]
fn settings_that_no_checkpoint_can_follow_are_3() {
    let clips = |change: &str| {
        format!(
            "let base = generator::wan(#{{ folder: \"wan\" }});\n\
             evaluate(generate(base, clips().but(#{{ {change} }}), sampler::vace()))"
        )
    };
    let cases = [
        (clips("frames: 0"), "`frames` must be at least 1"),
        (clips("frames: 4"), "the checkpoint makes 1, 5, 9"),
        (clips("size_px: 72"), "makes multiples of 16 px"),
        ("sample(generator::wan(#{ folders: \"wan\" }))".to_owned(), "has no part `folders`"),
        ("sample(generator::wan(#{ folder: 3 }))".to_owned(), "`folder` of `wan_checkpoint`"),
        (
            "sample(generator::wan(#{ folder: \"wan\", dtype: \"bf17\" }))".to_owned(),
            "unknown dtype `bf17`",
        ),
        (
            "pretrain(generator::micro(), #{ codec: generator::codec(), text: generator::text(),\n\
             clips: heads::clips().train, schedule: schedule::pretraining(),\n\
             from: generator::wan(#{ folder: \"wan\" }) }, 0)"
                .to_owned(),
            "cannot be trained on as a whole",
        ),
    ];
    let (lab, fake) = (Lab::new(), Fake::new());
    fake.write_diffusers(&lab.path("wan"));
    for (lines, wanted) in cases {
        let ended = ran(&lab, "plan", &lines);
        assert_eq!(ended.code, 3, "{lines}\n{}", ended.err);
        assert!(said(&ended).contains(wanted), "{lines}\n{}", said(&ended));
    }
}

#[test]
fn a_negative_prompt_beyond_the_encoder_is_refused_and_counted() {
    let words = "word ".repeat(2000);
    let lines = format!("sample(generator::wan(#{{ folder: \"wan\", negative: \"{words}\" }}))");
    let said = ["the prompt in `negative` has 2001 tokens", "reads 512; shorten it"];
    refused("run", |_, _| (), &lines, (1, &said));
}

#[test]
fn adapters_of_another_rank_or_network_are_told_with_both_shapes() {
    let lines = "sample(generator::wan(#{ folder: \"wan\", lora: \"wan/lora.safetensors\" }))";
    let zeros = |shape: (usize, usize)| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let q = "blocks.0.self_attn.q";
    let ranks = |_: &mut Fake, folder: &Path| {
        let halves = [("lora_A", zeros((4, 64))), ("lora_B", zeros((64, 3)))];
        let named = halves.map(|(half, value)| (format!("{q}.{half}.weight"), value));
        put(folder, "lora.safetensors", &encode(&named.into()).unwrap());
    };
    let said = ["A of shape [4, 64] and B of shape [64, 3]", "of one rank r"];
    refused("run", ranks, lines, (6, &said));
    let network = |_: &mut Fake, folder: &Path| {
        let layer = LoraLayer { down: zeros((2, 32)), up: zeros((64, 2)), alpha: 2.0 };
        let lora = LoraWeights { layers: [(q.to_owned(), layer)].into() };
        put(folder, "lora.safetensors", &lora.encode(LoraStyle::DownUp).unwrap().safetensors);
    };
    let said = [
        "does not fit the transformer",
        "expected [2, 64], found [2, 32]",
        "tuned on this checkpoint",
    ];
    refused("run", network, lines, (6, &said));
}
