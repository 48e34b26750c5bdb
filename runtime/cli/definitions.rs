//! `ffrun definitions`: the reference of the script API, from its doc comments.

use std::{path::Path, process::ExitCode};

use super::exit::Exit;
use crate::{engine::files, script};

/// Runs the verb.
pub(super) fn definitions(out: &Path, check: bool) -> Result<ExitCode, Exit> {
    let mut stale = Vec::new();
    for (name, text) in script::definitions() {
        let path = out.join(&name);
        if files::read_optional(&path)?.is_some_and(|bytes| bytes == text.as_bytes()) {
            continue;
        }
        if check {
            stale.push(name);
            continue;
        }
        if let Some(folder) = path.parent() {
            files::create_dir(folder)?;
        }
        files::write_atomic(&path, text.as_bytes())?;
        println!("{}", path.display());
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Exit::failed(format!(
        "not up to date: {}; run `ffrun definitions` and commit what it writes",
        stale.join(", ")
    )))
}
