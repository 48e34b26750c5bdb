//! An experiment, its store and its report folder together: what most verbs work on.

use std::path::{Path, PathBuf};

use super::{args, config::Settings, exit::Exit, results};
use crate::{
    engine::{KnownFiles, Store, stage::NumericClass},
    metrics,
    script::{Experiment, ScriptOptions},
};

/// What most verbs work on.
pub(super) struct Laboratory {
    /// The script as given.
    pub(super) file: PathBuf,
    /// How it was read, to read it again the same way.
    pub(super) options: ScriptOptions,
    /// Results by content address.
    pub(super) store: Store,
    /// Folder that holds a folder for each experiment.
    pub(super) runs: PathBuf,
    /// Devices that stages may use, `cpu` or `cuda:N`.
    pub(super) devices: Vec<String>,
    /// What the store has told already, kept across reports.
    pub(super) reader: results::Reader,
}

impl Laboratory {
    /// The laboratory of the one experiment that is named.
    pub(super) fn open(args: &args::Experiment, settings: &Settings) -> Result<Self, Exit> {
        match args.files.as_slice() {
            [file] if !file.is_dir() => Self::of(file, args, settings),
            _ => Err(Exit::usage("this takes one experiment at a time: name one `.rhai` file")),
        }
    }

    /// Decides every option: flags over environment over files over defaults.
    pub(super) fn of(
        script: &Path,
        args: &args::Experiment,
        settings: &Settings,
    ) -> Result<Self, Exit> {
        let file = &settings.file;
        let device = args.device.clone().or_else(|| file.device.clone());
        let devices = devices(device.as_deref().unwrap_or("cpu"))?;
        let kind = devices[0].split(':').next().unwrap_or_default().to_owned();
        let store = Store::at(&settings.store);
        let options = ScriptOptions {
            scale: args.scale.clone().or_else(|| file.scale.clone()).unwrap_or("tiny".into()),
            settings: args.settings.clone(),
            seed: args.seed.or(file.seed).unwrap_or(0),
            stdlib: args.stdlib.clone(),
            class: NumericClass { device: kind, dtype: "f32".into() },
            known_files: Some(KnownFiles::beside(&store)),
            metrics: metrics::catalogue(),
        };
        Ok(Self {
            file: script.to_owned(),
            options,
            store,
            runs: settings.runs.clone(),
            devices,
            reader: results::Reader::default(),
        })
    }

    /// Reads the script.
    pub(super) fn load(&self) -> Result<Experiment, Exit> {
        Ok(Experiment::load(&self.file, &self.options)?)
    }

    /// Folder of this experiment's report. Another scale has a folder of its own, so that a smoke
    /// test never overwrites a result.
    pub(super) fn folder(&self, experiment: &Experiment) -> PathBuf {
        self.runs.join(Self::folder_name(experiment))
    }

    /// Name of that folder, in `runs` and among published records.
    pub(super) fn folder_name(experiment: &Experiment) -> String {
        match experiment.scale.as_str() {
            "tiny" => experiment.name.clone(),
            scale => format!("{}-{scale}", experiment.name),
        }
    }

    /// The page of this experiment.
    pub(super) fn page(&self, experiment: &Experiment) -> PathBuf {
        self.folder(experiment).join("report.html")
    }
}

fn devices(text: &str) -> Result<Vec<String>, Exit> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let valid = |name: &String| {
        name == "cpu"
            || name.strip_prefix("cuda:").is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let classes: std::collections::BTreeSet<&str> =
        names.iter().filter_map(|name| name.split(':').next()).collect();
    if names.iter().all(valid) && classes.len() == 1 {
        return Ok(names);
    }
    Err(Exit::usage(format!(
        "`--device {text}` is not understood; give `cpu`, `cuda:0` or a list such as `cuda:0,cuda:1`"
    )))
}

/// Path as a person would type it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::devices;

    #[test]
    fn devices_are_of_one_kind() {
        assert_eq!(devices("cuda:0,cuda:1").expect("two GPUs"), ["cuda:0", "cuda:1"]);
        assert_eq!(devices("gpu").expect_err("refused").code(), 2);
        assert!(devices("cpu,cuda:0").is_err());
    }
}
