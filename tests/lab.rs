//! A laboratory for tests: a folder of its own, and the built `ffrun` in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A temporary folder with a store and reports in it.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

/// The experiment of the main job.
pub(crate) fn ablation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/ablation_dict.rhai")
}

/// Flags that shrink the main job to one smallest trial.
pub(crate) const SMALLEST: [&str; 6] = ["--scale", "smoke", "-P", "elements=1024", "-P", "seeds=1"];

impl Lab {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `ffrun` in this folder, without the user's own settings.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ffrun"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.folder.path()).env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Ran {
        Ran::of(self.command().args(words).output().expect("ffrun starts"))
    }

    /// Runs the main job's script with more flags.
    pub(crate) fn ablate(&self, verb: &str, more: &[&str]) -> Ran {
        let script = ablation();
        let mut command = self.command();
        command.arg(verb).arg(script).args(more);
        Ran::of(command.output().expect("ffrun starts"))
    }

    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        let mut command = self.command();
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("ffrun starts")
    }

    /// Keys of the main job's stages of a kind.
    pub(crate) fn keys(&self, kind: &str, more: &[&str]) -> Vec<String> {
        self.keys_of(&ablation().display().to_string(), kind, more)
    }

    /// Keys of a script's stages of a kind, from `plan --json`.
    pub(crate) fn keys_of(&self, script: &str, kind: &str, more: &[&str]) -> Vec<String> {
        let words = ["plan", script].into_iter().chain(more.iter().copied());
        let plan = self.run(words.chain(["--json"]));
        assert_eq!(plan.code, 0, "{}", plan.err);
        plan.out
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|line| line["stage"]["kind"] == kind)
            .map(|line| line["stage"]["key"].as_str().expect("a key").to_owned())
            .collect()
    }

    /// A file of a result in the store.
    pub(crate) fn result(&self, key: &str, name: &str) -> PathBuf {
        self.path(".ffrun/store").join(&key[..2]).join(key).join("out").join(name)
    }
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Asserts success and gives stdout.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self.out
    }
}
