//! What a public checkpoint is, told by its tables of contents alone: done for every plan.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ffrun_models::weights::{
    Configuration, Family, WeightFiles, WeightResult, umt5_sizes, vae_family, vae_sizes, wan_sizes,
};

use super::{
    layout::Layout,
    sizes::{autoencoder_sizes, text_encoder_sizes, transformer_sizes},
    weight_error,
};
use crate::{engine::work::StageError, spec::CheckpointSpec};

/// A checkpoint before anything of it is loaded.
#[derive(Clone, Debug)]
pub struct Described {
    /// The sizes of its networks.
    pub spec: CheckpointSpec,
    /// Role (`transformer.00000`, `vae.config`, …) → file. Its digests make the key.
    pub files: BTreeMap<String, PathBuf>,
}

/// Reads the tables of contents.
///
/// # Errors
/// When a file is missing, damaged, or of another network: a [`StageError::Environment`] that
/// names it.
pub fn describe(layout: &Layout, dtype: &str) -> Result<Described, StageError> {
    let mut files = BTreeMap::new();
    let transformer = Part::open(&mut files, "transformer", &layout.transformer)?;
    let vae = Part::open(&mut files, "vae", &layout.vae)?;
    let text = Part::open(&mut files, "text_encoder", &layout.text_encoder)?;
    let wan_config = transformer.config(&mut files, "transformer")?;
    // The one configuration in the authors' folder is the transformer's.
    let beside = transformer.folder() == vae.folder();
    let vae_config = if beside { Configuration::default() } else { vae.config(&mut files, "vae")? };
    if !layout.tokenizer.is_file() {
        return Err(StageError::Environment(format!(
            "there is no tokenizer `{}`; fetch the `tokenizer.json` that came with the text \
             encoder",
            layout.tokenizer.display()
        )));
    }
    files.insert("tokenizer".to_owned(), layout.tokenizer.clone());
    if let Some(lora) = &layout.lora {
        let opened = WeightFiles::open(lora).map_err(weight_error)?;
        enter(&mut files, "lora", opened.paths());
        // PEFT's file of weights lacks α; other styles hold it.
        let config = lora.with_file_name("adapter_config.json");
        if config.is_file() && lora.file_stem().is_some_and(|stem| stem == "adapter_model") {
            files.insert("lora.config".to_owned(), config);
        }
    }
    let spec = || -> WeightResult<_> {
        let wan = wan_sizes(&transformer.named(Family::Wan)?, &wan_config)?;
        let autoencoder = vae_sizes(&vae.named(vae_family(&vae_config)?)?, &vae_config)?;
        Ok((wan, autoencoder, umt5_sizes(&text.named(Family::Umt5)?)?))
    };
    let (wan, autoencoder, umt5) = spec().map_err(weight_error)?;
    let spec = CheckpointSpec {
        dtype: dtype.to_owned(),
        transformer: transformer_sizes(&wan)?,
        autoencoder: autoencoder_sizes(&autoencoder),
        text: text_encoder_sizes(&umt5),
    };
    check(&spec)?;
    Ok(Described { spec, files })
}

/// The files of one network.
struct Part(WeightFiles);

impl Part {
    /// Opens a part and enters its files.
    fn open(
        files: &mut BTreeMap<String, PathBuf>,
        role: &str,
        path: &Path,
    ) -> Result<Self, StageError> {
        let opened = WeightFiles::open(path).map_err(weight_error)?;
        enter(files, role, opened.paths());
        Ok(Self(opened))
    }

    fn named(&self, family: Family) -> WeightResult<WeightFiles> {
        self.0.clone().in_original_names(family)
    }

    fn folder(&self) -> Option<&Path> {
        self.0.paths().first().and_then(|first| first.parent())
    }

    /// The configuration beside the files, which is entered too; nothing where there is none.
    fn config(
        &self,
        files: &mut BTreeMap<String, PathBuf>,
        role: &str,
    ) -> Result<Configuration, StageError> {
        let path = self.folder().map(|folder| folder.join("config.json"));
        let Some(path) = path.filter(|path| path.is_file()) else {
            return Ok(Configuration::default());
        };
        let config = Configuration::read(&path).map_err(weight_error)?;
        files.insert(format!("{role}.config"), path);
        Ok(config)
    }
}

fn enter(files: &mut BTreeMap<String, PathBuf>, role: &str, paths: &[PathBuf]) {
    for (at, path) in paths.iter().enumerate() {
        files.insert(format!("{role}.{at:05}"), path.clone());
    }
}

/// Refuses parts that do not speak to each other.
fn check(spec: &CheckpointSpec) -> Result<(), StageError> {
    let (wan, vae, text) = (&spec.transformer, &spec.autoencoder, &spec.text);
    let fits = |holds: bool, says: String| {
        if holds { Ok(()) } else { Err(StageError::Environment(says)) }
    };
    let remedy = "take both from one checkpoint";
    fits(
        wan.channels == vae.channels,
        format!(
            "the transformer reads latents of {} channels, but the autoencoder makes {}; {remedy}",
            wan.channels, vae.channels
        ),
    )?;
    fits(
        wan.text_width == text.width,
        format!(
            "the transformer reads text of width {}, but the text encoder makes {}; {remedy}",
            wan.text_width, text.width
        ),
    )?;
    let spatial = 1 << vae.halves_time.len();
    let wanted = 2 * vae.channels + spatial * spatial;
    fits(
        wan.vace_channels == wanted,
        format!(
            "the VACE branch reads {} channels, but the autoencoder's control latent has {wanted}; \
             {remedy}",
            wan.vace_channels
        ),
    )
}
