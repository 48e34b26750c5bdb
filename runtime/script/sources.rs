//! The texts a script is made of, and the places in them.

use std::collections::{BTreeMap, BTreeSet};

use miette::{NamedSource, SourceSpan};
use rhai::{Engine, Position, Token};

use super::diagnostic::Place;

/// Every text that was read, by the name its errors carry.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    files: BTreeMap<String, Source>,
}

/// One text with its tokens.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) text: String,
    pub(super) tokens: Vec<Lexeme>,
}

/// A token and the bytes it stands at.
#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Lexeme {
    fn is_name(&self, name: &str) -> bool {
        matches!(&self.token, Token::Identifier(known) if known.as_str() == name)
    }
}

impl Sources {
    /// Takes in a text. A later text of the same name replaces the earlier.
    pub(super) fn insert(&mut self, name: &str, text: &str) {
        let source = Source { text: text.to_owned(), tokens: lex(text) };
        self.files.insert(name.to_owned(), source);
    }

    /// The text of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Source> {
        self.files.get(name)
    }

    /// The token at this position, or the position alone where no token starts there.
    pub(super) fn place(&self, name: &str, position: Position) -> Option<Place> {
        let source = self.files.get(name)?;
        let start = source.offset(position)?;
        Some(source.place(name, start, source.token_len(start)))
    }

    /// The key `at` inside the call that starts at this position, or else the call.
    pub(super) fn place_of_key(&self, name: &str, position: Position, at: &str) -> Option<Place> {
        let source = self.files.get(name)?;
        let start = source.offset(position)?;
        match source.key_in_call(start, at) {
            Some(lexeme) => Some(source.place(name, lexeme.start, lexeme.end - lexeme.start)),
            None => self.place(name, position),
        }
    }
}

impl Source {
    /// Byte offset of a position; `None` for a position that is not in the text.
    pub(super) fn offset(&self, position: Position) -> Option<usize> {
        let line = position.line()?;
        let line_start = line_start(&self.text, line)?;
        let column = position.position().unwrap_or(1).max(1) - 1;
        let rest = &self.text[line_start..];
        Some(line_start + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte))
    }

    /// Whether the text has `const name` or `let name`.
    pub(super) fn declares(&self, name: &str, keyword: &Token) -> bool {
        self.tokens.windows(2).any(|pair| pair[0].token == *keyword && pair[1].is_name(name))
    }

    /// Whether the text has any `const`.
    pub(super) fn has_constants(&self) -> bool {
        self.tokens.iter().any(|lexeme| matches!(lexeme.token, Token::Const))
    }

    /// Names of variables, constants and parameters that the text introduces.
    pub(super) fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut parameters = false;
        for pair in self.tokens.windows(2) {
            if matches!(pair[0].token, Token::Fn) {
                parameters = true;
            } else if matches!(pair[0].token, Token::LeftBrace) {
                parameters = false;
            }
            let introduces = matches!(pair[0].token, Token::Let | Token::Const | Token::For);
            if let Token::Identifier(name) = &pair[1].token
                && (introduces || parameters && !matches!(pair[0].token, Token::Fn))
            {
                names.insert(name.to_string());
            }
        }
        names
    }

    /// The first token.
    pub(super) fn start(&self, file: &str) -> Option<Place> {
        let first = self.tokens.first()?;
        Some(self.place(file, first.start, first.end - first.start))
    }

    /// The name of a function where it is defined.
    pub(super) fn function(&self, file: &str, name: &str) -> Option<Place> {
        let pair = self
            .tokens
            .windows(2)
            .find(|pair| matches!(pair[0].token, Token::Fn) && pair[1].is_name(name))?;
        Some(self.place(file, pair[1].start, pair[1].end - pair[1].start))
    }

    fn place(&self, name: &str, start: usize, length: usize) -> Place {
        let before = &self.text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let source = NamedSource::new(name, self.text.clone());
        Place { source, span: SourceSpan::from((start, length)), line, column }
    }

    fn token_len(&self, start: usize) -> usize {
        let token = self.tokens.iter().find(|lexeme| lexeme.start == start);
        token.map_or(usize::from(start < self.text.len()), |lexeme| lexeme.end - lexeme.start)
    }

    /// The first token named `at` that is followed by `:` inside the parentheses after `start`,
    /// or a string of that content.
    fn key_in_call(&self, start: usize, at: &str) -> Option<&Lexeme> {
        let first = self.tokens.iter().position(|lexeme| lexeme.start >= start)?;
        let mut depth = 0_usize;
        for (index, lexeme) in self.tokens.iter().enumerate().skip(first) {
            match &lexeme.token {
                Token::LeftParen => depth += 1,
                Token::RightParen if depth <= 1 => return None,
                Token::RightParen => depth -= 1,
                Token::Identifier(name) if depth > 0 && name.as_str() == at => {
                    if matches!(self.tokens.get(index + 1)?.token, Token::Colon) {
                        return Some(lexeme);
                    }
                }
                Token::StringConstant(text) if depth > 0 && text.as_str() == at => {
                    return Some(lexeme);
                }
                _ => {}
            }
        }
        None
    }
}

fn line_start(text: &str, line: usize) -> Option<usize> {
    match line {
        0 => None,
        1 => Some(0),
        _ => text.match_indices('\n').nth(line - 2).map(|(byte, _)| byte + 1),
    }
}

/// Every token with its bytes. A text that does not lex ends where it stops to make sense.
fn lex(text: &str) -> Vec<Lexeme> {
    let engine = Engine::new_raw();
    let inputs = [text];
    let (tokens, control) = engine.lex(&inputs);
    let plain = Source { text: text.to_owned(), tokens: Vec::new() };
    let mut lexemes: Vec<Lexeme> = Vec::new();
    // Depths of braces at which an interpolation `${` of a string began.
    let mut interpolations: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    for (token, position) in tokens {
        if matches!(token, Token::EOF | Token::LexError(_)) {
            break;
        }
        let Some(start) = plain.offset(position) else { break };
        match &token {
            Token::InterpolatedString(_) => interpolations.push(depth),
            Token::LeftBrace | Token::MapStart => depth += 1,
            Token::RightBrace => {
                depth = depth.saturating_sub(1);
                if interpolations.last() == Some(&depth) {
                    interpolations.pop();
                    // The lexer must be told that the text of the string goes on.
                    control.borrow_mut().is_within_text = true;
                }
            }
            _ => {}
        }
        lexemes.push(Lexeme { token, start, end: start });
    }
    close(text, &mut lexemes);
    lexemes
}

/// Sets the ends: a token reaches to the next one, less spaces and comments.
fn close(text: &str, lexemes: &mut [Lexeme]) {
    for index in 0..lexemes.len() {
        let limit = lexemes.get(index + 1).map_or(text.len(), |next| next.start);
        let lexeme = &mut lexemes[index];
        let slice = &text[lexeme.start..limit.max(lexeme.start)];
        lexeme.end = lexeme.start + length(&lexeme.token, slice);
    }
}

fn length(token: &Token, slice: &str) -> usize {
    match token {
        Token::StringConstant(_) | Token::InterpolatedString(_) => slice.trim_end().len(),
        Token::Identifier(name) => name.len(),
        Token::IntegerConstant(_) | Token::FloatConstant(_) => {
            let number = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
            slice.find(|c: char| !number(c)).unwrap_or(slice.len())
        }
        other if other.is_literal() => other.literal_syntax().len().min(slice.len()),
        _ => slice.trim_end().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_know_their_bytes_across_interpolated_strings() {
        let text = "let a = `x ${ b + 1 } y`; // note\nfoo(a, 1.50)";
        let source = Source { text: text.to_owned(), tokens: lex(text) };
        let words: Vec<&str> = source.tokens.iter().map(|l| &text[l.start..l.end]).collect();
        assert_eq!(&words[words.len() - 6..], ["foo", "(", "a", ",", "1.50", ")"]);
        assert_eq!(&words[..3], ["let", "a", "="]);
    }

    #[test]
    fn a_key_is_found_inside_its_call_only() {
        let text = "f(#{ a: 1 }); g(#{\n  b: 2,\n  a: 3 })";
        let mut sources = Sources::default();
        sources.insert("x.rhai", text);
        let place =
            sources.place_of_key("x.rhai", Position::new(1, 15), "a").map(|p| (p.line, p.column));
        assert_eq!(place, Some((3, 3)));
        let absent =
            sources.place_of_key("x.rhai", Position::new(1, 1), "b").map(|p| (p.line, p.column));
        assert_eq!(absent, Some((1, 1)));
    }
}
