//! Where the parts of a public checkpoint lie: in the authors' layout, in diffusers', or as named.

use std::path::{Path, PathBuf};

use crate::engine::work::StageError;

/// What a user names: one folder, single parts, or both, where single parts come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// A folder as published.
    pub folder: Option<PathBuf>,
    /// The transformer: a file, one of its shards, their index, or a folder with nothing else.
    pub transformer: Option<PathBuf>,
    /// The autoencoder, likewise.
    pub vae: Option<PathBuf>,
    /// The text encoder, likewise.
    pub text_encoder: Option<PathBuf>,
    /// The text encoder's `tokenizer.json`, or its folder.
    pub tokenizer: Option<PathBuf>,
    /// Low-rank adapters to merge into the transformer.
    pub lora: Option<PathBuf>,
}

/// Where each part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) transformer: PathBuf,
    pub(super) vae: PathBuf,
    pub(super) text_encoder: PathBuf,
    pub(super) tokenizer: PathBuf,
    pub(super) lora: Option<PathBuf>,
}

/// Places below a folder where a part may lie: the authors' first, then diffusers'.
const VAE: &[&str] = &["Wan2.1_VAE.pth", "Wan2.1_VAE.safetensors", "vae"];
const TEXT_ENCODER: &[&str] =
    &["models_t5_umt5-xxl-enc-bf16.pth", "models_t5_umt5-xxl-enc-bf16.safetensors", "text_encoder"];
const TOKENIZER: &[&str] = &["google/umt5-xxl/tokenizer.json", "tokenizer/tokenizer.json"];

/// How the transformer's files begin in the authors' layout.
const TRANSFORMER: &str = "diffusion_pytorch_model";

impl Layout {
    /// Finds every part.
    ///
    /// # Errors
    /// When a part is neither named nor in the folder, with the places looked at.
    pub fn find(named: &Named) -> Result<Self, StageError> {
        if let Some(folder) = named.folder.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(StageError::Environment(format!(
                "there is no folder `{}`; give `folder` the place of Wan2.1-VACE as downloaded, \
                 from where ffrun was started or from the root",
                folder.display()
            )));
        }
        let folder = named.folder.as_deref();
        let part = |name: &str, given: &Option<PathBuf>, places: &[&str]| match given {
            Some(path) => Ok(path.clone()),
            None => first(folder, places).ok_or_else(|| lacking(folder, name, places)),
        };
        let transformer = match (&named.transformer, folder) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => transformer(folder).ok_or_else(|| {
                lacking(Some(folder), "transformer", &["transformer", TRANSFORMER])
            })?,
            (None, None) => return Err(lacking(None, "transformer", &[])),
        };
        let tokenizer = part("tokenizer", &named.tokenizer, TOKENIZER)?;
        let file = if tokenizer.is_dir() { tokenizer.join("tokenizer.json") } else { tokenizer };
        Ok(Self {
            transformer,
            vae: part("vae", &named.vae, VAE)?,
            text_encoder: part("text_encoder", &named.text_encoder, TEXT_ENCODER)?,
            tokenizer: file,
            lora: named.lora.clone(),
        })
    }
}

fn first(folder: Option<&Path>, places: &[&str]) -> Option<PathBuf> {
    places
        .iter()
        .map(|place| folder.map(|folder| folder.join(place)))
        .find_map(|path| path.filter(|path| path.exists()))
}

/// diffusers' subfolder; else the index or the first file of the authors' layout.
fn transformer(folder: &Path) -> Option<PathBuf> {
    let below = folder.join("transformer");
    if below.is_dir() {
        return Some(below);
    }
    let items = std::fs::read_dir(folder).ok()?;
    let names = items.flatten().map(|item| item.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(TRANSFORMER)).collect();
    names.sort();
    let index = names.iter().find(|name| name.ends_with(".index.json"));
    index.or_else(|| names.first()).map(|name| folder.join(name))
}

fn lacking(folder: Option<&Path>, part: &str, places: &[&str]) -> StageError {
    let Some(folder) = folder else {
        return StageError::Environment(format!(
            "the checkpoint has no `{part}`; name a `folder` that holds all parts, or its file \
             with `{part}`"
        ));
    };
    StageError::Environment(format!(
        "`{}` holds no {part}: there is no `{}` in it; fetch the missing file, or name it with \
         `{part}`",
        folder.display(),
        places.join("` and no `")
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Layout, Named};

    fn put(folder: &std::path::Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn both_layouts_are_found_and_named_parts_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let named = Named { folder: Some(folder.path().to_owned()), ..Named::default() };
        put(
            folder.path(),
            &[
                "diffusion_pytorch_model-00001-of-00002.safetensors",
                "diffusion_pytorch_model.safetensors.index.json",
                "Wan2.1_VAE.pth",
                "models_t5_umt5-xxl-enc-bf16.pth",
                "google/umt5-xxl/tokenizer.json",
            ],
        );
        let found = Layout::find(&named).unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(found.transformer, at("diffusion_pytorch_model.safetensors.index.json"));
        assert_eq!(found.tokenizer, at("google/umt5-xxl/tokenizer.json"));
        let other = Named { vae: Some(at("other")), ..named.clone() };
        assert_eq!(Layout::find(&other).unwrap().vae, at("other"));
        fs::remove_file(at("Wan2.1_VAE.pth")).unwrap();
        put(folder.path(), &["transformer/x.safetensors", "vae/x.safetensors"]);
        let found = Layout::find(&named).unwrap();
        assert_eq!((found.transformer, found.vae), (at("transformer"), at("vae")));
    }

    #[test]
    fn what_is_lacking_is_named_with_its_places() {
        let folder = tempfile::tempdir().unwrap();
        let named = Named { folder: Some(folder.path().to_owned()), ..Named::default() };
        put(folder.path(), &["diffusion_pytorch_model.safetensors", "vae/x", "text_encoder/x"]);
        let text = Layout::find(&named).unwrap_err().to_string();
        assert!(text.contains("holds no tokenizer") && text.contains("google/umt5-xxl"), "{text}");
        let text = Layout::find(&Named::default()).unwrap_err().to_string();
        assert!(text.contains("has no `transformer`"), "{text}");
        let named = Named { folder: Some(folder.path().join("absent")), ..Named::default() };
        assert!(Layout::find(&named).unwrap_err().to_string().contains("there is no folder"));
    }
}
