//! The git checkout that a script lies in: its commit, and what of it differs from the commit.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The commit that is checked out where the script lies, read from git's own files; empty outside
/// a checkout.
pub(super) fn commit(script: &Path) -> String {
    let Some(root) = root(script) else { return String::new() };
    let read = |name: &str| std::fs::read_to_string(root.join(".git").join(name));
    let read = |name: &str| read(name).unwrap_or_default();
    let head = read("HEAD").trim().to_owned();
    let Some(branch) = head.strip_prefix("ref: ") else { return head };
    let loose = read(branch).trim().to_owned();
    if !loose.is_empty() {
        return loose;
    }
    let packed = read("packed-refs");
    let line = packed.lines().find(|line| line.ends_with(branch));
    line.and_then(|line| line.split(' ').next()).unwrap_or_default().to_owned()
}

/// Files of the script's checkout that differ from its commit, the script itself included if it was
/// never committed. What lies under `except` does not count, nor do other files that git does not
/// know. Empty outside a checkout.
///
/// # Errors
/// What git says where it cannot tell.
pub(super) fn changed(script: &Path, except: &Path) -> Result<Vec<String>, String> {
    let Some(root) = root(script) else { return Ok(Vec::new()) };
    let script = std::fs::canonicalize(script).map_err(|error| error.to_string())?;
    let mut words = vec!["status", "--porcelain", "--untracked-files=no", "--", "."];
    let excluded = within(&root, except).map(|path| format!(":(exclude){path}"));
    words.extend(excluded.as_deref());
    let mut files: Vec<String> = git(&root, &words)?
        .lines()
        // Two letters of status and a space before each name.
        .filter_map(|line| line.get(3..).map(str::to_owned))
        .collect();
    if let Some(own) = within(&root, &script)
        && git(&root, &["ls-files", "--", &own])?.is_empty()
    {
        files.insert(0, own);
    }
    Ok(files)
}

/// The folder of the checkout around a script.
fn root(script: &Path) -> Option<PathBuf> {
    let script = std::fs::canonicalize(script).ok()?;
    script.ancestors().find(|folder| folder.join(".git").is_dir()).map(Path::to_owned)
}

/// A path as seen from `root`; `None` if it lies elsewhere.
fn within(root: &Path, path: &Path) -> Option<String> {
    let whole = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok()?;
    whole.strip_prefix(root).ok().map(|path| path.display().to_string())
}

fn git(root: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    // Without optional locks a look at the checkout changes nothing in it.
    command.arg("--no-optional-locks").arg("-C").arg(root).args(words).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot run `git`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().next().unwrap_or("`git` failed and said nothing").to_owned())
}
