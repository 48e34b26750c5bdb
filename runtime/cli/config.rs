//! Settings from files and environment: default < user config < `ffrun.toml` < `FFRUN_*` < flags.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{args, environment, exit::Exit};

/// What `ffrun.toml` and the user's `config.toml` may set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Scale of experiments.
    pub(super) scale: Option<String>,
    /// Worker processes at a time.
    pub(super) jobs: Option<usize>,
    /// `cpu` or `cuda:N`.
    pub(super) device: Option<String>,
    /// First training seed.
    pub(super) seed: Option<u64>,
    /// Folder of the store.
    pub(super) store: Option<PathBuf>,
    /// Folder of the reports.
    pub(super) runs: Option<PathBuf>,
    /// Folder of the networks that users bring.
    pub(super) weights: Option<PathBuf>,
}

impl File {
    /// The settings of both files and of the environment, the later winning.
    pub(super) fn load() -> Result<Self, Exit> {
        let user = environment::user_config().map_or(Ok(Self::default()), |path| read(&path))?;
        let project = read(Path::new("ffrun.toml"))?;
        Ok(user.overridden_by(project).overridden_by(from_environment()?))
    }

    fn overridden_by(self, other: Self) -> Self {
        Self {
            scale: other.scale.or(self.scale),
            jobs: other.jobs.or(self.jobs),
            device: other.device.or(self.device),
            seed: other.seed.or(self.seed),
            store: other.store.or(self.store),
            runs: other.runs.or(self.runs),
            weights: other.weights.or(self.weights),
        }
    }
}

/// Every setting decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// Folder of the store.
    pub(super) store: PathBuf,
    /// Folder of the reports.
    pub(super) runs: PathBuf,
    /// Folder of the networks that users bring, if there is one.
    pub(super) weights: Option<PathBuf>,
    /// What the files and the environment say about experiments.
    pub(super) file: File,
}

impl Settings {
    /// Flags over files.
    pub(super) fn load(global: &args::Global) -> Result<Self, Exit> {
        let file = File::load()?;
        let or = |flag: &Option<PathBuf>, set: &Option<PathBuf>, fallback: &str| {
            flag.clone().or_else(|| set.clone()).unwrap_or_else(|| PathBuf::from(fallback))
        };
        Ok(Self {
            store: or(&global.store, &file.store, ".ffrun/store"),
            runs: or(&global.runs, &file.runs, "runs"),
            weights: file.weights.clone(),
            file,
        })
    }
}

fn read(path: &Path) -> Result<File, Exit> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => {
            return Err(Exit::usage(format!("cannot read `{}`: {error}", path.display())));
        }
    };
    toml::from_str(&text).map_err(|error| {
        Exit::usage(format!("`{}` is not a valid configuration:\n{error}", path.display()))
    })
}

fn from_environment() -> Result<File, Exit> {
    Ok(File {
        scale: environment::setting("SCALE"),
        jobs: number("JOBS")?,
        device: environment::setting("DEVICE"),
        seed: number("SEED")?,
        store: environment::setting("STORE").map(PathBuf::from),
        runs: environment::setting("RUNS").map(PathBuf::from),
        weights: environment::setting("WEIGHTS").map(PathBuf::from),
    })
}

fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Exit> {
    environment::setting(name)
        .map(|text| {
            text.parse().map_err(|_| {
                Exit::usage(format!("FFRUN_{name} is `{text}`, but it must be a whole number"))
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::File;

    #[test]
    fn the_later_wins_and_a_misspelt_key_is_an_error() {
        let user: File = toml::from_str("scale = \"smoke\"\njobs = 3").expect("parsed");
        let project: File = toml::from_str("scale = \"tiny\"").expect("parsed");
        let both = user.overridden_by(project);
        assert_eq!((both.scale.as_deref(), both.jobs), (Some("tiny"), Some(3)));
        let error = toml::from_str::<File>("scael = \"tiny\"").expect_err("refused").to_string();
        assert!(error.contains("unknown field `scael`"), "{error}");
    }
}
