//! From Rhai's errors to diagnostics: the innermost place, plain words, and a spelling hint.

use std::collections::BTreeSet;

use rhai::{Engine, EvalAltResult, LexError, ParseErrorType, Position, Token};

use super::{
    capture::defined,
    complaint::Complaint,
    diagnostic::{Call, Diagnostic},
    host::{Host, State},
    sandbox::{SECONDS, limits},
    stdlib,
    suggest::{did_you_mean, did_you_mean_or_list},
};

/// An error and where it happened, before it is put into words.
struct Found<'a> {
    error: &'a EvalAltResult,
    file: String,
    /// Calls that led here, outermost first: function, file and position of the call.
    calls: Vec<(String, String, Position)>,
}

/// The diagnostic of an error that came out of `file`.
pub(super) fn explain(
    engine: &Engine,
    host: &Host,
    file: &str,
    error: &EvalAltResult,
) -> Box<Diagnostic> {
    let found = innermost(file, error);
    let state = host.state();
    let complaint = worded(engine, &state, &found);
    let position = found.error.position();
    let place = match &complaint.at {
        Some(name) => state.sources.place_of_key(&found.file, position, name),
        None => state.sources.place(&found.file, position),
    };
    let calls = found.calls.iter().rev().filter_map(|(function, file, position)| {
        let place = state.sources.place(file, *position)?;
        Some(Call { function: function.clone(), place })
    });
    Box::new(Diagnostic {
        code: complaint.code,
        message: complaint.message,
        hint: complaint.hint,
        place,
        calls: calls.collect(),
    })
}

/// One line for an error inside a worker, where the script is not at hand.
pub(super) fn one_line(error: &EvalAltResult) -> String {
    let found = innermost("", error);
    if let Some(complaint) = complaint_of(found.error) {
        return complaint.message;
    }
    if let EvalAltResult::ErrorFunctionNotFound(signature, _) = found.error {
        let name = signature.split(" (").next().unwrap_or(signature);
        return format!("unknown function `{name}`");
    }
    plain(&bare_text(found.error))
}

/// Unwraps calls and modules to the error itself.
fn innermost<'a>(file: &str, error: &'a EvalAltResult) -> Found<'a> {
    let mut found = Found { error, file: file.to_owned(), calls: Vec::new() };
    loop {
        match found.error {
            EvalAltResult::ErrorInFunctionCall(name, source, inner, position) => {
                // The outermost call is the host's own: it has no place in the script.
                if !position.is_none() {
                    let shown = if name.starts_with("anon$") { "the closure" } else { name };
                    found.calls.push((shown.to_owned(), found.file.clone(), *position));
                }
                if !source.is_empty() {
                    found.file.clone_from(source);
                }
                found.error = inner;
            }
            EvalAltResult::ErrorInModule(_, inner, _) => found.error = inner,
            _ => return found,
        }
    }
}

fn complaint_of(error: &EvalAltResult) -> Option<Complaint> {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => value.clone().try_cast::<Complaint>(),
        _ => None,
    }
}

fn worded(engine: &Engine, state: &State, found: &Found) -> Complaint {
    use EvalAltResult as E;
    if let Some(complaint) = complaint_of(found.error) {
        return complaint;
    }
    match found.error {
        E::ErrorParsing(kind, _) => parse_error(state, found, kind),
        E::ErrorVariableNotFound(name, _) => unknown_variable(state, found, name),
        E::ErrorFunctionNotFound(signature, _) => unknown_function(engine, state, found, signature),
        E::ErrorModuleNotFound(name, _) => unknown_module(name),
        E::ErrorPropertyNotFound(name, _) => {
            Complaint::new("name", format!("unknown property `{name}`"))
        }
        E::ErrorDotExpr(text, _) => property(text),
        E::ErrorRuntime(value, _) => Complaint::new("thrown", format!("the script threw: {value}")),
        E::ErrorTooManyOperations(_) => limit("the script runs too long", "operations"),
        E::ErrorStackOverflow(_) => limit("calls nest too deep", "calls"),
        E::ErrorDataTooLarge(what, _) => too_large(what),
        E::ErrorTerminated(..) => {
            Complaint::new("limit", format!("the script ran longer than {SECONDS} seconds"))
                .hint("a script only declares: leave computing to the stages")
        }
        other => Complaint::new("script", plain(&bare_text(other))),
    }
}

/// The text of a Rhai error without the position it ends with.
fn bare_text(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.rsplit_once(" (line ").map_or(first, |(before, _)| before).to_owned()
}

/// House style: lower-case, no full stop, backticks for names.
fn plain(text: &str) -> String {
    let text = text.trim_end_matches('.').replace('\'', "`");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}

fn parse_error(state: &State, found: &Found, kind: &ParseErrorType) -> Complaint {
    match kind {
        ParseErrorType::VariableUndefined(name) => unknown_variable(state, found, name),
        ParseErrorType::ModuleUndefined(name) => unknown_module(name),
        ParseErrorType::Reserved(name) if name == "import" => {
            Complaint::new("syntax", "`import` is not needed: a script is one file")
                .hint("the stdlib is always there, as in `heads::stills()`")
        }
        ParseErrorType::BadInput(LexError::ImproperSymbol(name, _)) if name == "eval" => {
            Complaint::new("syntax", "`eval` is not there: what a script runs is what it shows")
        }
        ParseErrorType::WrongDocComment => {
            Complaint::new("syntax", "`///` must stand right before a function")
                .hint("use `//` for other comments")
        }
        ParseErrorType::UnexpectedEOF => {
            Complaint::new("syntax", "the script ends in the middle of something")
                .hint("a bracket or a quote is not closed")
        }
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            Complaint::new("syntax", "a string is not closed")
        }
        ParseErrorType::LiteralTooLarge(what, _) => too_large(what),
        other => Complaint::new("syntax", plain(&other.to_string())),
    }
}

fn unknown_variable(state: &State, found: &Found, name: &str) -> Complaint {
    let complaint = Complaint::new("name", format!("unknown variable `{name}`"));
    let Some(source) = state.sources.get(&found.file) else { return complaint };
    if source.declares(name, &Token::Const) {
        return complaint.hint(format!("write `global::{name}`: functions see constants so"));
    }
    if source.declares(name, &Token::Let) {
        let hint = format!(
            "functions do not see outer variables: make it `const {name}` and write `global::{name}`, or pass it as an argument"
        );
        return complaint.hint(hint);
    }
    if stdlib::names().any(|module| module == name) {
        return complaint.hint(format!("write `{name}::` before a function of the stdlib"));
    }
    let words = source.variables();
    complaint.maybe_hint(did_you_mean(name, words.iter().map(String::as_str)))
}

fn unknown_module(name: &str) -> Complaint {
    Complaint::new("name", format!("unknown module `{name}`"))
        .maybe_hint(did_you_mean_or_list(name, stdlib::names()))
}

fn unknown_function(engine: &Engine, state: &State, found: &Found, signature: &str) -> Complaint {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let types = types.trim_end_matches(')');
    if let Some((module, function)) = name.rsplit_once("::") {
        return unknown_in_module(engine, module, function);
    }
    let name = name.trim();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Complaint::new("type", format!("`{name}` does not take ({})", readable(types)));
    }
    let functions = functions(engine);
    let own = state.programs.get(&found.file).map(defined).unwrap_or_default();
    if functions.contains(name) || own.contains(name) {
        let message = format!("`{name}` does not take ({})", readable(types));
        let known = signatures(engine, name);
        let complaint = Complaint::new("type", message);
        return if known.is_empty() {
            complaint
        } else {
            complaint.hint(format!("it is called as {}", known.join(" or ")))
        };
    }
    let candidates = functions.iter().chain(&own).map(String::as_str);
    Complaint::new("name", format!("unknown function `{name}`"))
        .maybe_hint(did_you_mean(name, candidates))
}

fn unknown_in_module(engine: &Engine, module: &str, function: &str) -> Complaint {
    let found = engine.collect_fn_metadata(
        None,
        |info| (info.namespace.as_str() == module).then(|| info.metadata.name.to_string()),
        false,
    );
    let names: BTreeSet<String> =
        found.into_iter().filter(|name| !name.starts_with("anon$")).collect();
    if names.is_empty() {
        return unknown_module(module);
    }
    if names.contains(function) {
        let message = format!("`{module}::{function}` does not take these arguments");
        return Complaint::new("type", message);
    }
    Complaint::new("name", format!("unknown function `{module}::{function}`"))
        .maybe_hint(did_you_mean_or_list(function, names.iter().map(String::as_str)))
}

/// `unknown property 'x' - a getter is not registered for type 'T'`, in our words.
fn property(text: &str) -> Complaint {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [name, owner, ..] if text.starts_with("No writable") || text.contains("setter") => {
            Complaint::new("name", format!("`{name}` of a `{owner}` cannot be set"))
                .hint(format!("make another with `.but(#{{ {name}: … }})`"))
        }
        [name, owner] => Complaint::new("name", format!("a `{owner}` has no property `{name}`")),
        _ => Complaint::new("name", plain(text)),
    }
}

fn limit(message: &str, which: &str) -> Complaint {
    let limits = limits();
    let hint = limits.iter().find(|(name, _)| *name == which).map(|(_, hint)| hint.clone());
    Complaint::new("limit", message).maybe_hint(hint)
}

fn too_large(what: &str) -> Complaint {
    let what = what.to_lowercase();
    let which = ["string", "array", "map"].into_iter().find(|which| what.contains(which));
    match which {
        Some(which) => limit(&format!("the {which} grows too large"), which),
        None => Complaint::new("limit", format!("{what} grows too large")),
    }
}

/// Names of all global natives and of Rhai's own functions.
fn functions(engine: &Engine) -> BTreeSet<String> {
    let word = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic());
    let names = engine.collect_fn_metadata(
        None,
        |info| info.namespace.is_empty().then(|| info.metadata.name.to_string()),
        true,
    );
    names.into_iter().filter(|name| word(name) && !name.contains('$')).collect()
}

/// How the natives of this name are called.
fn signatures(engine: &Engine, name: &str) -> Vec<String> {
    let own = engine.collect_fn_metadata(
        None,
        |info| {
            let same = info.namespace.is_empty() && info.metadata.name == name;
            same.then(|| super::definitions::signature(engine, info.metadata))
        },
        false,
    );
    own.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Type names as a person reads them.
fn readable(types: &str) -> String {
    let names = types.split(", ").map(|name| match name.trim_start_matches("&mut ") {
        "i64" => "whole number",
        "f64" => "number",
        "&str" | "ImmutableString" | "string" | "&str | ImmutableString | String" => "string",
        "bool" => "true/false",
        other => other,
    });
    names.collect::<Vec<_>>().join(", ")
}
