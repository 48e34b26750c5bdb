//! The reference: every native and every stdlib function from its doc comment, so that the
//! comment is the manual.

use std::{collections::BTreeMap, fmt::Write};

use rhai::{Engine, FnAccess, FuncMetadata};

use super::{host::Host, options::ScriptOptions, program, settings::settings, stdlib};

/// Heading of functions that belong to no type.
const FREE: &str = "Functions";

/// One documented function.
struct Entry {
    /// `train(model: Model, …) -> Fitted`, or `shape -> array` for a property.
    signature: String,
    /// The same for a `.d.rhai` file, where methods name their receiver first.
    declaration: String,
    /// Markdown, the example in a fenced block.
    doc: String,
}

/// Files of the reference, relative to `stdlib/`, with their contents: `REFERENCE.md`, and a
/// `.d.rhai` file for the natives and for each module. The same every time.
pub fn definitions() -> Vec<(String, String)> {
    let host = Host::new(ScriptOptions::default());
    let mut engine = program::engine(&host);
    // Embedded modules load, as a test of the stdlib shows; if not, natives are listed alone.
    let _ = stdlib::register(&mut engine, &host);
    let natives = natives(&engine);
    let mut files = vec![("REFERENCE.md".to_owned(), reference(&engine, &natives))];
    files.push(("definitions/ffrun.d.rhai".to_owned(), declared("static", natives.values())));
    for name in stdlib::names() {
        let functions = module(&engine, name);
        let text = declared(name, std::iter::once(&functions));
        files.push((format!("definitions/{name}.d.rhai"), text));
    }
    files
}

/// How a native is called: `train(model: Model, seed: int) -> Fitted`.
pub(super) fn signature(engine: &Engine, metadata: &FuncMetadata) -> String {
    let parameters = parameters(engine, metadata);
    let skip = usize::from(receiver(metadata).is_some()).min(parameters.len());
    let returns = arrow(engine, metadata);
    match metadata.name.strip_prefix("get$") {
        Some(property) => format!("{property}{returns}"),
        None => format!("{}({}){returns}", metadata.name, parameters[skip..].join(", ")),
    }
}

fn parameters(engine: &Engine, metadata: &FuncMetadata) -> Vec<String> {
    let infos = metadata.params_info.iter().filter_map(|info| info.split_once(':'));
    infos
        .filter(|(_, kind)| !kind.contains("NativeCallContext"))
        .map(|(name, kind)| format!("{}: {}", name.trim(), readable(engine, kind)))
        .collect()
}

fn arrow(engine: &Engine, metadata: &FuncMetadata) -> String {
    match readable(engine, &metadata.return_type).as_str() {
        "()" => String::new(),
        returns => format!(" -> {returns}"),
    }
}

/// The type that a method or property belongs to.
fn receiver(metadata: &FuncMetadata) -> Option<String> {
    let infos = metadata.params_info.iter();
    let mut kinds = infos.filter_map(|info| info.split_once(':')).map(|(_, kind)| kind.trim());
    let first = kinds.find(|kind| !kind.contains("NativeCallContext"))?;
    let name = first.strip_prefix("&mut ")?.rsplit("::").next()?;
    // As scripts know it.
    Some(if name == "Judgement" { "Verdict" } else { name }.to_owned())
}

/// Type names of Rust as a script sees them.
fn readable(engine: &Engine, kind: &str) -> String {
    let kind = kind.trim().trim_start_matches("&mut ").trim_start_matches('&');
    let kind = match kind.strip_prefix("Result<") {
        Some(inside) => inside.rsplit_once(',').map_or(inside, |(value, _)| value),
        None => kind,
    };
    match kind.trim() {
        "" | "()" => "()".to_owned(),
        "i64" | "INT" => "int".to_owned(),
        "f64" | "FLOAT" => "float".to_owned(),
        "str" | "String" | "ImmutableString" => "string".to_owned(),
        "Array" => "array".to_owned(),
        "Map" => "map".to_owned(),
        "Dynamic" => "any".to_owned(),
        "Judgement" => "Verdict".to_owned(),
        other => engine.map_type_name(other).rsplit("::").next().unwrap_or(other).to_owned(),
    }
}

/// All documented natives by the type they belong to.
fn natives(engine: &Engine) -> BTreeMap<String, Vec<Entry>> {
    let found = engine.collect_fn_metadata(
        None,
        |info| {
            // Operators are described in the heading of their type.
            let word = info.metadata.name.starts_with(|c: char| c.is_ascii_alphabetic());
            let own = word && info.namespace.is_empty() && !info.metadata.comments.is_empty();
            own.then(|| {
                let owner = receiver(info.metadata).unwrap_or_else(|| FREE.to_owned());
                (owner, entry(engine, info.metadata))
            })
        },
        false,
    );
    let mut natives: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for (owner, entry) in found {
        natives.entry(owner).or_default().push(entry);
    }
    for entries in natives.values_mut() {
        entries.sort_by(|a, b| a.signature.cmp(&b.signature));
        entries.dedup_by(|a, b| a.signature == b.signature);
    }
    natives
}

fn entry(engine: &Engine, metadata: &FuncMetadata) -> Entry {
    let name = metadata.name.strip_prefix("get$").map(|name| format!("get {name}"));
    let name = name.unwrap_or_else(|| metadata.name.to_string());
    let parameters = parameters(engine, metadata).join(", ");
    Entry {
        signature: signature(engine, metadata),
        declaration: format!("{name}({parameters}){}", arrow(engine, metadata)),
        doc: doc(metadata.comments.iter()),
    }
}

/// The public functions of a stdlib module.
fn module(engine: &Engine, name: &str) -> Vec<Entry> {
    let mut entries = engine.collect_fn_metadata(
        None,
        |info| {
            let public = info.metadata.access == FnAccess::Public;
            let mine = info.namespace.as_str() == name && public;
            let script = info.script.filter(|script| mine && !script.comments.is_empty())?;
            let signature = format!("{}({})", script.name, script.params.join(", "));
            let doc = doc(script.comments.iter());
            Some(Entry { declaration: signature.clone(), signature, doc })
        },
        false,
    );
    entries.sort_by(|a, b| a.signature.cmp(&b.signature));
    entries
}

/// Doc comments without their marks.
fn doc<T: AsRef<str>>(comments: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for comment in comments {
        for line in comment.as_ref().lines() {
            let line = line.trim().trim_start_matches("///");
            text += line.strip_prefix(' ').unwrap_or(line);
            text.push('\n');
        }
    }
    text.trim_end().to_owned()
}

/// A `.d.rhai` file.
fn declared<'a>(module: &str, groups: impl Iterator<Item = &'a Vec<Entry>>) -> String {
    let mut text = format!("module {module};\n");
    for entry in groups.flatten() {
        text.push('\n');
        for line in entry.doc.lines() {
            text += format!("/// {line}").trim_end();
            text.push('\n');
        }
        let _ = writeln!(text, "fn {};", entry.declaration);
    }
    text
}

/// The manual in one page.
fn reference(engine: &Engine, natives: &BTreeMap<String, Vec<Entry>>) -> String {
    let mut page = String::from(
        "# Reference\n\nWritten by `ffrun definitions` from the doc comments: change those, not \
         this page.\n\n",
    );
    page += "A script declares an experiment at its top level and defines `fn run(trial)`, and \
             where it wants them `fn report(results)` and `fn claims(results)`.\n";
    for (title, functions) in groups(natives) {
        let _ = write!(page, "\n## {title}\n");
        for function in functions {
            page += &section(function, "");
        }
    }
    page += "\n## Settings\n\nChanged with `.but(#{ … })`, read as properties.\n";
    for (title, fields) in settings() {
        let _ = write!(page, "\n### {title}\n\n| setting | type | meaning |\n|---|---|---|\n");
        for field in fields {
            let _ = writeln!(page, "| `{}` | {} | {} |", field.name, field.kind, field.doc);
        }
    }
    page += "\n# Standard library\n";
    for (name, text) in stdlib::embedded() {
        let head = text.lines().take_while(|line| line.starts_with("//!"));
        let head: Vec<&str> = head.map(|line| line.trim_start_matches("//!").trim()).collect();
        let _ = write!(page, "\n## {name}\n\n{}\n", head.join("\n").trim());
        let prefix = format!("{name}::");
        for function in module(engine, name) {
            page += &section(&function, &prefix);
        }
    }
    page
}

/// Functions first, then the types by name.
fn groups(natives: &BTreeMap<String, Vec<Entry>>) -> impl Iterator<Item = (String, &Vec<Entry>)> {
    let free = natives.get_key_value(FREE).into_iter();
    let typed = natives.iter().filter(|(owner, _)| *owner != FREE);
    free.chain(typed).map(|(owner, entries)| {
        let title = match owner.as_str() {
            FREE => FREE.to_owned(),
            "Tensor" => {
                "Tensor: `+ - * /` broadcast, with tensors or numbers on either side".to_owned()
            }
            "Results" => "Results: properties `name`, `scale`, `planned`, `finished`".to_owned(),
            owner => format!("Methods of {owner}"),
        };
        (title, entries)
    })
}

fn section(entry: &Entry, prefix: &str) -> String {
    format!("\n### `{prefix}{}`\n\n{}\n", entry.signature, entry.doc)
}
