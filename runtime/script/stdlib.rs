//! The standard library: Rhai modules embedded in the binary, or read from disk while watching.

use std::path::{Path, PathBuf};

use rhai::{Engine, Module, Scope};

use super::{diagnostic::Diagnostic, explain::explain, host::Host};

/// Every module, embedded. A module comes after those it uses.
const EMBEDDED: [(&str, &str); 9] = [
    ("dataset", include_str!("../../stdlib/dataset.rhai")),
    ("heads", include_str!("../../stdlib/heads.rhai")),
    ("aligner", include_str!("../../stdlib/aligner.rhai")),
    ("schedule", include_str!("../../stdlib/schedule.rhai")),
    ("generator", include_str!("../../stdlib/generator.rhai")),
    ("sampler", include_str!("../../stdlib/sampler.rhai")),
    ("baselines", include_str!("../../stdlib/baselines.rhai")),
    ("evaluators", include_str!("../../stdlib/evaluators.rhai")),
    ("paper", include_str!("../../stdlib/paper.rhai")),
];

/// Names of the modules.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    EMBEDDED.iter().map(|(name, _)| *name)
}

/// The embedded text of a module.
pub(super) fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().copied()
}

/// Registers every module in the engine. Returns the files that were read.
pub(super) fn register(engine: &mut Engine, host: &Host) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let mut read = Vec::new();
    for (name, embedded) in EMBEDDED {
        let (file, text) = match &host.options.stdlib {
            None => (format!("stdlib/{name}.rhai"), embedded.to_owned()),
            Some(folder) => {
                let path = folder.join(format!("{name}.rhai"));
                let text = from_disk(&path)?;
                read.push(path.clone());
                (path.display().to_string(), text)
            }
        };
        let module = compile(engine, host, &file, &text)?;
        engine.register_static_module(name, module.into());
    }
    Ok(read)
}

fn from_disk(path: &Path) -> Result<String, Box<Diagnostic>> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", path.display());
        Box::new(Diagnostic::unplaced("file", message).hint("restore the stdlib file"))
    })
}

fn compile(
    engine: &Engine,
    host: &Host,
    file: &str,
    text: &str,
) -> Result<Module, Box<Diagnostic>> {
    host.state().sources.insert(file, text);
    let mut program =
        engine.compile(text).map_err(|error| explain(engine, host, file, &error.into()))?;
    program.set_source(file);
    host.state().programs.insert(file.to_owned(), program.clone());
    Module::eval_ast_as_new(Scope::new(), &program, engine)
        .map_err(|error| explain(engine, host, file, &error))
}
