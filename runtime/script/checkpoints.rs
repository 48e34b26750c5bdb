//! Public checkpoints in scripts: the user's files become a base.

use std::{path::PathBuf, time::Instant};

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Engine, Map};

use super::{
    base::{Base, Origin, Public},
    building::add,
    complaint::{Complaint, Raised},
    diagnostic::FILES,
    host::Host,
    parts::Parts,
    phase::Phase,
    suggest::did_you_mean_or_list,
};
use crate::{
    engine::{EngineError, KnownFiles, work::StageError},
    spec::{self, TextSpec},
    stages::public::{Described, Layout, Named, describe, least_frames, least_pixels},
};

/// Registers the functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(checkpoint_functions).into());
}

/// What a script asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    named: Named,
    dtype: String,
    negative: Option<String>,
}

/// Element types that weights can be kept in.
const DTYPES: [&str; 3] = ["f32", "bf16", "f16"];

impl Asked {
    fn read(settings: &Map) -> Result<Self, Complaint> {
        let known = [
            "folder",
            "transformer",
            "vae",
            "text_encoder",
            "tokenizer",
            "lora",
            "dtype",
            "negative",
        ];
        let parts = Parts::read("wan_checkpoint", settings, &known)?;
        let text = |name: &'static str, example: &str| parts.optional::<String>(name, example);
        let path = |name, example: &str| Ok(text(name, example)?.map(PathBuf::from));
        let asked = Self {
            named: Named {
                folder: path("folder", "\"Wan2.1-VACE-1.3B\"")?,
                transformer: path("transformer", "\"wan/model.safetensors\"")?,
                vae: path("vae", "\"Wan2.1_VAE.pth\"")?,
                text_encoder: path("text_encoder", "\"models_t5_umt5-xxl-enc-bf16.pth\"")?,
                tokenizer: path("tokenizer", "\"google/umt5-xxl/tokenizer.json\"")?,
                lora: path("lora", "\"adapter_model.safetensors\"")?,
            },
            dtype: parts.required("dtype", "\"bf16\"")?,
            negative: text("negative", "\"blurred, deformed\"")?,
        };
        if DTYPES.contains(&asked.dtype.as_str()) {
            return Ok(asked);
        }
        Err(Complaint::new("setting", format!("unknown dtype `{}`", asked.dtype))
            .maybe_hint(did_you_mean_or_list(&asked.dtype, DTYPES))
            .at("dtype"))
    }
}

/// The stage of a checkpoint.
fn checkpoint_stage(host: &Host, asked: Asked) -> Result<Base, Complaint> {
    // Trials share it: its files are looked at once.
    let known = host.state().checkpoints.iter().find(|(known, _)| *known == asked).cloned();
    if let Some((_, base)) = known {
        return Ok(base);
    }
    let started = Instant::now();
    // The CPU computes in f32, whatever the weights are kept in.
    let on_cpu = host.options.class.device == "cpu";
    let dtype = if on_cpu { "f32" } else { asked.dtype.as_str() };
    let layout = Layout::find(&asked.named).map_err(of_files)?;
    let Described { spec, files } = describe(&layout, dtype).map_err(of_files)?;
    let memory = memory(host)?;
    let digest = |(role, path): (String, PathBuf)| Ok((role, memory.digest(&path)?));
    let digests: Result<_, EngineError> = files.into_iter().map(digest).collect();
    let digests = digests.map_err(|error| of_files(error.into()))?;
    // Reading files the first time takes long, and is not the script's doing.
    host.state().started += started.elapsed();
    let key = add(host, spec::CHECKPOINT, &spec, |mut stage| {
        stage.digests = digests;
        stage
    })?;
    let public = Public {
        text: TextSpec {
            encoder: "umt5".to_owned(),
            dim: spec.text.width,
            length: spec.transformer.text_length,
            negative: None,
        },
        frames_step: least_frames(&spec.autoencoder),
        side_step: least_pixels(&spec.autoencoder, &spec.transformer),
        negative: asked.negative.clone(),
    };
    let base = Base { key, codec: key, origin: Origin::Public(public) };
    host.state().checkpoints.push((asked, base.clone()));
    Ok(base)
}

fn memory(host: &Host) -> Result<KnownFiles, Complaint> {
    host.options.known_files.clone().ok_or_else(|| {
        Complaint::new(FILES, "a checkpoint needs a store that remembers its files")
            .hint("plan or run the script with `ffrun`")
    })
}

/// A complaint about files rather than about the script.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn of_files(error: StageError) -> Complaint {
    Complaint::new(FILES, error.to_string())
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod checkpoint_functions {
    /// A base from public weights of Wan2.1-VACE in files of one's own; `generator::wan` is how
    /// scripts call it, and says what may be named. Belongs in `run(trial)`.
    ///
    /// The files are known by their content: they stay where they are, may be moved and renamed,
    /// and are read through once.
    /// ```text
    /// let base = wan_checkpoint(#{ folder: "Wan2.1-VACE-1.3B", dtype: "bf16" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wan_checkpoint(context: NativeCallContext, files: Map) -> Result<Base, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let asked = Asked::read(&files)?;
        checkpoint_stage(&host, asked).map_err(Raised::from)
    }
}
