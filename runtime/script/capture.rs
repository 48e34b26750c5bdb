//! Captures: the compacted text of a closure and of everything it calls, as one small program
//! that any process can run.
//!
//! The program is the functions by name, the constants they read, `fn ffrun_entry`, and an array
//! of the values that the closure captured. Comments and spaces are gone, so that formatting
//! changes no key.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Dynamic, Engine, FnPtr, NativeCallContext, ScriptFuncDef, Shared, Token};

use super::{
    complaint::Complaint,
    convert::{to_json, type_name},
    host::{Host, State},
    rehearsal::Role,
    sources::{Lexeme, Source},
};

/// Name of the function that a captured program is entered at.
pub(super) const ENTRY: &str = "ffrun_entry";

/// The text that stands for `function` in a stage.
pub(super) fn capture(
    context: &NativeCallContext,
    role: Role,
    function: &FnPtr,
) -> Result<String, Complaint> {
    let host = Host::of(context)?;
    let state = host.state();
    let name = function.fn_name();
    let home = home(&state, name, function.curry().len() + role.arity());
    let Some((program, source, entry)) = home else {
        let count = match role.arity() {
            1 => "1 argument".to_owned(),
            count => format!("{count} arguments"),
        };
        let message = format!("the closure for `{}` must take {count}", role.name());
        return Err(Complaint::new("closure", message).hint(role.signature()).at(role.name()));
    };
    let mut collector =
        Collector { program, source, functions: BTreeMap::new(), constants: BTreeMap::new() };
    let entry = collector.function(&entry, ENTRY)?;
    let captured = literals(function.curry(), role)?;
    let text = collector.text(&entry, &captured);
    Engine::new_raw().compact_script(&text).map_err(|error| {
        Complaint::new("closure", format!("the closure cannot be carried to a worker: {error}"))
            .at(role.name())
    })
}

/// The text, and its parse, that defines this function.
fn home<'a>(
    state: &'a State,
    name: &str,
    parameters: usize,
) -> Option<(&'a AST, &'a Source, Shared<ScriptFuncDef>)> {
    state.programs.iter().find_map(|(file, program)| {
        let found = program.shared_lib().get_script_fn(name, parameters)?;
        Some((program, state.sources.get(file)?, found.clone()))
    })
}

/// Gathers what a closure reaches.
struct Collector<'a> {
    program: &'a AST,
    source: &'a Source,
    /// Functions reached, each with its text.
    functions: BTreeMap<String, String>,
    /// Top-level constants reached, each with its text.
    constants: BTreeMap<String, String>,
}

impl Collector<'_> {
    /// The text of this function under the name `name`, after everything it calls was gathered.
    fn function(&mut self, definition: &ScriptFuncDef, name: &str) -> Result<String, Complaint> {
        let (body, tokens) = body(self.source, definition)
            .ok_or_else(|| Complaint::new("closure", "the text of the closure was not found"))?;
        let parameters = definition.params.iter().map(rhai::ImmutableString::as_str);
        let parameters: Vec<&str> = parameters.collect();
        let text = format!("fn {name}({}){{{body}}}", parameters.join(","));
        self.follow(tokens)?;
        Ok(text)
    }

    fn follow(&mut self, tokens: &[Lexeme]) -> Result<(), Complaint> {
        for (index, lexeme) in tokens.iter().enumerate() {
            // Function names also travel as strings: `Fn("smooth")`.
            let (Token::Identifier(name) | Token::StringConstant(name)) = &lexeme.token else {
                continue;
            };
            let next = tokens.get(index + 1).map(|next| &next.token);
            if matches!(next, Some(Token::DoubleColon)) {
                self.qualified(name, tokens.get(index + 2))?;
            } else {
                self.named(name)?;
            }
        }
        Ok(())
    }

    fn named(&mut self, name: &str) -> Result<(), Complaint> {
        if self.functions.contains_key(name) {
            return Ok(());
        }
        let lib = self.program.shared_lib();
        let overloads: Vec<Shared<ScriptFuncDef>> = self
            .program
            .iter_functions()
            .filter(|function| function.name == name)
            .filter_map(|function| lib.get_script_fn(function.name, function.params.len()).cloned())
            .collect();
        if overloads.is_empty() {
            return Ok(());
        }
        // Entered before its body is read, so that recursion ends.
        self.functions.insert(name.to_owned(), String::new());
        let mut text = String::new();
        let by_arity: BTreeMap<usize, _> =
            overloads.iter().map(|function| (function.params.len(), function)).collect();
        for definition in by_arity.values() {
            text += &self.function(definition, name)?;
        }
        self.functions.insert(name.to_owned(), text);
        Ok(())
    }

    fn qualified(&mut self, module: &str, name: Option<&Lexeme>) -> Result<(), Complaint> {
        let name = match name.map(|lexeme| &lexeme.token) {
            Some(Token::Identifier(name)) => name.as_str(),
            _ => return Ok(()),
        };
        if module != "global" {
            let message =
                format!("a closure that travels to a worker cannot call `{module}::{name}`");
            let hint = "define the function in this file, or capture its value in a variable";
            return Err(Complaint::new("closure", message).hint(hint));
        }
        let found =
            self.program.iter_literal_variables(true, false).find(|(known, ..)| *known == name);
        let Some((_, _, value)) = found else {
            let message =
                format!("the closure reads `global::{name}`, which is not a plain constant");
            return Err(Complaint::new("closure", message)
                .hint("write the constant as a number, a string or an array of these"));
        };
        let text = format!("const {name}={};", literal(&value).unwrap_or_default());
        self.constants.insert(name.to_owned(), text);
        Ok(())
    }

    fn text(&self, entry: &str, captured: &str) -> String {
        let functions: String = self.functions.values().map(String::as_str).collect();
        let constants: String = self.constants.values().map(String::as_str).collect();
        format!("{functions}{constants}{entry}[{captured}]")
    }
}

/// The body of a function without its braces, and its tokens.
fn body<'a>(source: &'a Source, definition: &ScriptFuncDef) -> Option<(&'a str, &'a [Lexeme])> {
    let start = source.offset(definition.body.start_position())?;
    let tokens = &source.tokens;
    let at = tokens.iter().position(|lexeme| lexeme.start == start)?;
    let block = matches!(tokens[at].token, Token::LeftBrace)
        && source.offset(definition.body.end_position()).is_some();
    // The position of an expression is that of its operator: its text begins after the bars of
    // the closure.
    let first = if block { at + 1 } else { after_bars(tokens, at, definition)? };
    let inside = tokens.get(first..matching(tokens, first))?;
    let text = match (inside.first(), inside.last()) {
        (Some(first), Some(last)) => &source.text[first.start..last.end],
        _ => "",
    };
    Some((text, inside))
}

/// Index of the token that ends the expression or block which begins at `first`: a comma,
/// semicolon or closing bracket that is not nested.
fn matching(tokens: &[Lexeme], first: usize) -> usize {
    let mut depth = 0_i32;
    // A block opened by its own brace ends at that brace only.
    let block = first > 0 && matches!(tokens[first - 1].token, Token::LeftBrace);
    for (index, lexeme) in tokens.iter().enumerate().skip(first) {
        match lexeme.token {
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart => {
                depth += 1;
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace if depth == 0 => {
                return index;
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace => depth -= 1,
            Token::Comma | Token::SemiColon if depth == 0 && !block => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// Index after the bars of the closure whose body holds the token `at`: the nearest bars before
/// it that name the closure's own parameters and whose expression reaches `at`.
fn after_bars(tokens: &[Lexeme], at: usize, definition: &ScriptFuncDef) -> Option<usize> {
    (0..=at).rev().find_map(|index| {
        // `||` is one token: a closure without parameters.
        if !matches!(tokens[index].token, Token::Pipe | Token::Or) {
            return None;
        }
        let first = index + 1;
        let own = bar_parameters(tokens, index)?;
        let tail = definition.params.len().checked_sub(own.len())?;
        let same = definition.params[tail..].iter().zip(&own).all(|(a, b)| a.as_str() == *b);
        (same && first <= at && matching(tokens, first) > at).then_some(first)
    })
}

/// The names between the bars that close at `close`.
fn bar_parameters(tokens: &[Lexeme], close: usize) -> Option<Vec<&str>> {
    if matches!(tokens[close].token, Token::Or) {
        return Some(Vec::new());
    }
    let mut names = Vec::new();
    for lexeme in tokens[..close].iter().rev() {
        match &lexeme.token {
            Token::Identifier(name) => names.push(name.as_str()),
            Token::Comma => {}
            Token::Pipe => {
                names.reverse();
                return Some(names);
            }
            _ => return None,
        }
    }
    None
}

/// The captured values as Rhai literals, in the order of the closure's leading parameters.
fn literals(values: &[Dynamic], role: Role) -> Result<String, Complaint> {
    let texts: Result<Vec<String>, Complaint> = values
        .iter()
        .map(|value| {
            literal(&value.flatten_clone()).ok_or_else(|| {
                let what = type_name(&value.flatten_clone());
                let message = format!("the closure for `{}` captures {what}", role.name());
                Complaint::new("closure", message)
                    .hint("capture numbers, strings, or arrays and maps of these")
                    .at(role.name())
            })
        })
        .collect();
    texts.map(|texts| texts.join(","))
}

/// A plain value as Rhai source.
fn literal(value: &Dynamic) -> Option<String> {
    to_json(value).ok().map(|json| source_of(&json))
}

fn source_of(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "()".to_owned(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(source_of).collect::<Vec<_>>().join(","))
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<String> = sorted
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), source_of(value)))
                .collect();
            format!("#{{{}}}", fields.join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// Names of everything a text defines, for spelling hints.
pub(super) fn defined(program: &AST) -> BTreeSet<String> {
    let functions = program.iter_functions().map(|function| function.name.to_owned());
    functions.filter(|name| !name.starts_with("anon$")).collect()
}
