//! A tiny Wan2.1-VACE with autoencoder, text encoder and tokenizer, written in both layouts.

use std::{collections::BTreeMap, fs, path::Path};

use candle_core::{Device, Tensor};
use ffrun_models::{
    checkpoint::encode,
    params::Params,
    stream::Stream,
    umt5::{Umt5, Umt5Config, umt5_transformers_from_original},
    vae::{VaeConfig, WanVae, vae_diffusers_from_original},
    wan::{VaceConfig, Wan, WanConfig, diffusers_from_original},
};
use serde_json::{Value, json};

use super::torch_file;

pub(super) type Weights = BTreeMap<String, Tensor>;

/// The weights of all three networks, under original names.
pub(super) struct Fake {
    pub(super) transformer: Weights,
    pub(super) vae: Weights,
    pub(super) text_encoder: Weights,
}

/// The transformer of the tiny goldens, with the latent channels of Wan's autoencoder.
pub(super) fn wan() -> WanConfig {
    WanConfig {
        dim: 64,
        ffn_dim: 112,
        heads: 4,
        blocks: 4,
        text_dim: 48,
        freq_dim: 32,
        vace: Some(VaceConfig { blocks: vec![0, 2], in_channels: 96 }),
        ..WanConfig::t2v_1_3b()
    }
}

fn vae() -> VaeConfig {
    VaeConfig { base_dim: 8, ..VaeConfig::wan2_1() }
}

fn umt5() -> Umt5Config {
    let small = Umt5Config { vocab: 512, dim: 48, layers: 3, heads: 4, ..Umt5Config::xxl() };
    Umt5Config { head_dim: 16, ffn_dim: 96, ..small }
}

impl Fake {
    pub(super) fn new() -> Self {
        let declared = |declare: &dyn Fn(&mut Params)| {
            let mut params = Params::frozen(&Device::Cpu);
            declare(&mut params);
            filled(&params)
        };
        Self {
            transformer: declared(&|params| drop(Wan::blank(&wan(), params).unwrap())),
            vae: declared(&|params| drop(WanVae::new(&vae(), params, 0).unwrap())),
            text_encoder: declared(&|params| drop(Umt5::new(&umt5(), params).unwrap())),
        }
    }

    /// As the authors publish it: one folder, pickles beside safetensors.
    pub(super) fn write_original(&self, folder: &Path) {
        put(folder, "diffusion_pytorch_model.safetensors", &encode(&self.transformer).unwrap());
        put_json(
            folder,
            "config.json",
            &json!({
                "_class_name": "VaceWanModel", "dim": 64, "eps": 1e-6, "ffn_dim": 112,
                "freq_dim": 32, "in_dim": 16, "model_type": "vace", "num_heads": 4,
                "num_layers": 4, "out_dim": 16, "text_len": 512, "vace_layers": [0, 2],
                "vace_in_dim": 96,
            }),
        );
        put(folder, "Wan2.1_VAE.pth", &torch_file::encode(&self.vae));
        let text_encoder = torch_file::encode(&self.text_encoder);
        put(folder, "models_t5_umt5-xxl-enc-bf16.pth", &text_encoder);
        put_json(folder, "google/umt5-xxl/tokenizer.json", &tokenizer());
    }

    /// As diffusers publishes it: a folder for each part, the transformer in shards.
    pub(super) fn write_diffusers(&self, folder: &Path) {
        self.write_shards(&folder.join("transformer"));
        put_json(
            folder,
            "transformer/config.json",
            &json!({
                "_class_name": "WanVACETransformer3DModel", "added_kv_proj_dim": null,
                "attention_head_dim": 16, "eps": 1e-6, "ffn_dim": 112, "freq_dim": 32,
                "image_dim": null, "in_channels": 16, "num_attention_heads": 4, "num_layers": 4,
                "out_channels": 16, "patch_size": [1, 2, 2], "text_dim": 48,
                "vace_in_channels": 96, "vace_layers": [0, 2],
            }),
        );
        let res_blocks = vae().res_blocks;
        let vae_names = renamed(&self.vae, |name| vae_diffusers_from_original(name, res_blocks));
        put(folder, "vae/diffusion_pytorch_model.safetensors", &encode(&vae_names).unwrap());
        put_json(
            folder,
            "vae/config.json",
            &json!({
                "_class_name": "AutoencoderKLWan", "base_dim": 8, "dim_mult": [1, 2, 4, 4],
                "latents_mean": vae().mean, "latents_std": vae().std, "num_res_blocks": 2,
                "temperal_downsample": [false, true, true], "z_dim": 16,
            }),
        );
        let mut text = renamed(&self.text_encoder, umt5_transformers_from_original);
        // transformers writes the embedding twice.
        text.insert("encoder.embed_tokens.weight".into(), text["shared.weight"].clone());
        put(folder, "text_encoder/model.safetensors", &encode(&text).unwrap());
        put_json(folder, "text_encoder/config.json", &json!({ "d_model": 48 }));
        put_json(folder, "tokenizer/tokenizer.json", &tokenizer());
    }

    /// The transformer in two shards with an index.
    fn write_shards(&self, folder: &Path) {
        let all = renamed(&self.transformer, diffusers_from_original);
        let name =
            |shard: usize| format!("diffusion_pytorch_model-0000{shard}-of-00002.safetensors");
        let mut shards = [Weights::new(), Weights::new()];
        let mut map = serde_json::Map::new();
        for (at, (key, value)) in all.into_iter().enumerate() {
            map.insert(key.clone(), Value::from(name(1 + at % 2)));
            shards[at % 2].insert(key, value);
        }
        for (at, shard) in shards.iter().enumerate() {
            put(folder, &name(1 + at), &encode(shard).unwrap());
        }
        let index = "diffusion_pytorch_model.safetensors.index.json";
        put_json(folder, index, &json!({ "weight_map": map }));
    }
}

/// Values that are not zero anywhere: norms near one, the rest small.
fn filled(params: &Params) -> Weights {
    let value = |name: &str, shape: &[usize]| {
        let norm = shape.len() == 1 && !name.ends_with("bias") || name.ends_with("gamma");
        let draw = Stream::new(7, name, 0).normal_tensor(shape, 0.08, &Device::Cpu).unwrap();
        if norm { (draw + 1.0).unwrap() } else { draw }
    };
    params
        .iter()
        .map(|param| (param.name().to_owned(), value(param.name(), param.var().dims())))
        .collect()
}

fn renamed(weights: &Weights, name: impl Fn(&str) -> Option<String>) -> Weights {
    weights.iter().map(|(key, value)| (name(key).unwrap(), value.clone())).collect()
}

/// A vocabulary of the words of some captions, the rest unknown.
fn tokenizer() -> Value {
    let words = "</s> <unk> a person who turns left right speaks slowly to the camera in and";
    let vocabulary: serde_json::Map<String, Value> =
        words.split(' ').enumerate().map(|(at, word)| (word.to_owned(), at.into())).collect();
    json!({
        "version": "1.0", "added_tokens": [], "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null, "decoder": null,
        "truncation": null, "padding": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>" },
    })
}

pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn put_json(folder: &Path, name: &str, json: &Value) {
    put(folder, name, json.to_string().as_bytes());
}
